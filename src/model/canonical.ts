/** JSON as RFC 8785 writes it: one text for one value, so that equal requests and plans have equal hashes. */
import { createHash } from "node:crypto";
import { SwitchyardError } from "../errors.ts";

const refuse = (reason: string): never => {
  throw new SwitchyardError("response_invalid", {
    detail: `The value cannot be written as canonical JSON: ${reason}.`,
  });
};

const number = (value: number): string => {
  if (!Number.isFinite(value)) return refuse(`expected a finite number, got ${value}`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return refuse(`expected integers up to 2^53, got ${value}; send larger ones as strings`);
  }
  return JSON.stringify(value);
};

const string = (value: string): string => {
  if (!value.isWellFormed()) return refuse("a string holds half of a surrogate pair");
  return JSON.stringify(value);
};

/** The default sort of strings is by UTF-16 code units, which is what RFC 8785 asks for. */
const object = (value: object): string => {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const keys = new Map(members);
  return `{${[...keys.keys()]
    .sort()
    .map((key) => `${string(key)}:${canonicalJson(keys.get(key))}`)
    .join(",")}}`;
};

/**
 * The canonical text of a JSON value; members that are `undefined` are absent.
 * @throws SwitchyardError `response_invalid` for integers beyond 2^53, lone surrogates and what is not JSON.
 * @example canonicalJson({ b: 1, a: [true] }) === '{"a":[true],"b":1}'
 */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return string(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
  if (typeof value === "object") return object(value);
  return refuse(`expected JSON, got ${typeof value}`);
};

/** SHA-256 of bytes, or of a text as UTF-8, as 64 lower-case hexadecimal digits. */
export const sha256Hex = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
