/** JSON Pointers (RFC 6901): reading and setting one place of a document. */
import type { Json } from "./json.ts";

const plainToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");
/** One member name as a pointer writes it. */
export const escapeToken = (token: string): string => token.replaceAll("~", "~0").replaceAll("/", "~1");

/** The member names of a pointer, or `undefined` when it is none. `""` is the whole document. */
export const parsePointer = (pointer: string): readonly string[] | undefined => {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return undefined;
  return pointer.slice(1).split("/").map(plainToken);
};

const memberOf = (value: unknown, token: string): unknown => {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, token) ? (value as Record<string, unknown>)[token] : undefined;
};

/** The value at the pointer; `undefined` when there is none, or when the pointer is malformed. */
export const valueAt = (document: unknown, pointer: string): unknown =>
  parsePointer(pointer)?.reduce<unknown>(memberOf, document);

const withMember = (document: Json, tokens: readonly string[], value: Json): Json => {
  const [token, ...rest] = tokens;
  if (token === undefined) return value;
  const inner = withMember((memberOf(document, token) as Json | undefined) ?? null, rest, value);
  if (Array.isArray(document)) return Object.assign([...document], { [token]: inner });
  const members = typeof document === "object" && document !== null ? document : {};
  return Object.fromEntries([...Object.entries(members), [token, inner]]);
};

/** A copy of the document in which the pointer holds `value`; missing objects on the way are made. */
export const withValueAt = (document: Json, pointer: string, value: Json): Json =>
  withMember(document, parsePointer(pointer) ?? [], value);
