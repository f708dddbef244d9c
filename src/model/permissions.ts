/** What a pack asks for that an admin must grant. */
import type { Json, JsonObject } from "./json.ts";
import { isJsonObject } from "./json.ts";
import { isReadVerb, type Manifest } from "./manifest.ts";
import {
  connectionProperties,
  impliedBlocks,
  isWholeField,
  itemsOf,
  kindOf,
  splitUrlTemplate,
  templateSource,
} from "./transport-block.ts";

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

/** The fields whose value may say which host is contacted. */
const hostFieldsOf = ({ url, host, jump }: JsonObject): readonly string[] => {
  const urls = [templateSource(url) ?? []].flat().map((source) => splitUrlTemplate(source)?.host ?? source);
  const hosts = [
    templateSource(host) ?? [],
    templateSource(isJsonObject(jump) ? jump["host"] : undefined) ?? [],
  ].flat();
  return [...urls, ...hosts].filter(isWholeField).map((source) => source.slice(1, -1));
};

const hostOf = (value: string): string =>
  (URL.canParse(value) ? new URL(value).hostname || value : value).slice(0, 255);

/** A default in host position is the pack's own host wherever nobody gives another. */
const defaultHostsOf = (manifest: Manifest): readonly string[] => {
  const properties = connectionProperties(manifest);
  const blocks = manifest.transports ?? impliedBlocks({ config: {}, secretNames: [] });
  return Object.entries(blocks).flatMap(([name, block]) =>
    hostFieldsOf(block).flatMap((field) => {
      const schema = Object.hasOwn(properties, field) ? properties[field] : undefined;
      const value = isJsonObject(schema) ? schema["default"] : undefined;
      return typeof value === "string" && value !== "" ? [`net:${name}:${hostOf(value)}`] : [];
    }),
  );
};

/**
 * What consent must name, sorted: `net:<transport>:<host>` (written out, or a field's default), `secrets:raw`, `program:<name>`, `read:<transport>:<pattern>`
 * for reads that are no GET, and `unpinned:<capability>` for writes that nothing limits.
 */
export const requiredPermissions = (manifest: Manifest): string[] => {
  const blocks = Object.entries(manifest.transports ?? {});
  const asked = [
    ...(manifest.requires?.permissions ?? []),
    ...blocks.flatMap(([name, block]) => [...readsOf(name, block), ...programsOf(name, block)]),
    ...defaultHostsOf(manifest),
    ...unpinnedOf(manifest),
  ];
  return [...new Set(asked)].sort();
};
