/** What a pack asks for that an admin must grant. */
import type { Json, JsonObject } from "./json.ts";
import { isJsonObject } from "./json.ts";
import { isReadVerb, type Manifest } from "./manifest.ts";
import { itemsOf, kindOf } from "./transport-block.ts";

const isPlainRead = (method: unknown): boolean => method === "GET" || method === "HEAD";

const readText = (pattern: Json): string => {
  if (!isJsonObject(pattern)) return Array.isArray(pattern) ? pattern.join(" ") : String(pattern);
  const { method, path, body } = pattern;
  return `${String(method)} ${String(path)}${body === undefined ? "" : ` ${JSON.stringify(body)}`}`;
};

const readsOf = (name: string, block: JsonObject): readonly string[] =>
  itemsOf(block["reads"])
    .filter((pattern) => !isPlainRead(isJsonObject(pattern) ? pattern["method"] : String(pattern).split(" ", 1)[0]))
    .map((pattern) => `read:${name}:${readText(pattern)}`);

const programsOf = (name: string, block: JsonObject): readonly string[] =>
  kindOf(name) === "process"
    ? itemsOf(block["programs"]).map((program) => `program:${isJsonObject(program) ? String(program["name"]) : ""}`)
    : [];

const unpinnedOf = ({ capabilities }: Manifest): readonly string[] =>
  capabilities
    .filter(({ verbs, writes }) => writes === undefined && !verbs.every(isReadVerb))
    .map(({ id }) => `unpinned:${id}`);

/**
 * What consent must name, sorted: `net:<transport>:<host>`, `secrets:raw`, `program:<name>`, `read:<transport>:<pattern>`
 * for reads that are no GET, and `unpinned:<capability>` for writes that nothing limits.
 */
export const requiredPermissions = (manifest: Manifest): string[] => {
  const blocks = Object.entries(manifest.transports ?? {});
  const asked = [
    ...(manifest.requires?.permissions ?? []),
    ...blocks.flatMap(([name, block]) => [...readsOf(name, block), ...programsOf(name, block)]),
    ...unpinnedOf(manifest),
  ];
  return [...new Set(asked)].sort();
};
