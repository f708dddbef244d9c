/** Finds the one manifest among a pack's files and reads it as a document, without trusting a byte of it. */
import { type Document, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLMap } from "yaml";
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { isJsonObject, type JsonObject } from "../model/json.ts";
import { linearRegExp } from "../model/linear-pattern.ts";
import { maxTypeIdLength, typeIdPattern } from "../model/manifest-schema.ts";

/** A place in a text; lines and columns count from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A manifest as it was read; nothing in it is checked yet. */
export interface ManifestText {
  readonly yaml: string;
  readonly document: JsonObject;
  /** Where the value at a JSON Pointer stands, or the nearest one around it. */
  placeAt(pointer: string): TextPlace | undefined;
}

/** A manifest whose form is not checked yet, but its id is. */
export interface ManifestFile extends ManifestText {
  /** Fit to be a name everywhere. */
  readonly id: string;
}

const manifestName = "plugin.yaml";
const maxManifestBytes = 256 * 1024;
const maxAliases = 100;
const maxDepth = 64;

const invalid = (detail: string, errors: readonly FieldProblem[] = []): SwitchyardError =>
  new SwitchyardError("manifest_invalid", { detail, errors });

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const findFile = (files: readonly PackFile[]): PackFile => {
  const found = files.filter(({ path }) => baseName(path).toLowerCase() === manifestName);
  const [first, second] = found;
  if (second !== undefined) {
    throw invalid(
      `Expected one ${manifestName}, got ${found.length}: ${found
        .slice(0, 5)
        .map(({ path }) => path)
        .join(", ")}.`,
    );
  }
  if (first === undefined || first.path !== manifestName) {
    const seen = first === undefined ? "none" : `one at ${first.path}`;
    throw new SwitchyardError("manifest_missing", {
      detail: `Expected a ${manifestName} at the top of the pack, got ${seen}.`,
    });
  }
  return first;
};

const decode = ({ bytes }: PackFile): string => {
  if (bytes.length > maxManifestBytes) {
    throw invalid(`Expected a manifest of at most ${maxManifestBytes} bytes, got ${bytes.length}.`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw new SwitchyardError("manifest_invalid", {
      detail: "Expected a manifest in UTF-8, got other bytes.",
      cause: thrown,
    });
  }
};

const problemAt = (lines: LineCounter, offset: number, what: string): FieldProblem => {
  const { line, col: column } = lines.linePos(offset);
  const [first = ""] = what.split("\n");
  const message = `expected one YAML document, got (line ${line}, column ${column}) ${first.slice(0, 300)}`;
  return { pointer: "", message, line, column };
};
const maxSaid = 20;

const syntaxProblems = (parsed: Document, lines: LineCounter): FieldProblem[] =>
  [...parsed.errors, ...parsed.warnings]
    .slice(0, maxSaid)
    .map(({ message, pos: [start] }) => problemAt(lines, start, message));

const duplicatesIn = (map: YAMLMap, lines: LineCounter): FieldProblem[] => {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }) => {
    const name = isScalar(key) ? String(key.value) : undefined;
    if (name === undefined) return [problemAt(lines, map.range?.[0] ?? 0, "a key that is no plain text")];
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [problemAt(lines, isScalar(key) ? (key.range?.[0] ?? 0) : 0, `the key ${JSON.stringify(name)} twice`)];
  });
};

/**
 * Duplicate keys and a flood of aliases, looked for by ourselves: the parser compares every key with every other, and
 * a manifest of a quarter of a megabyte would stop this process for half a minute.
 */
const structureProblems = (parsed: Document, lines: LineCounter): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  let aliases = 0;
  visit(parsed, {
    Map: (_, map) => {
      problems.push(...duplicatesIn(map, lines).slice(0, maxSaid));
      return problems.length < maxSaid ? undefined : visit.BREAK;
    },
    Alias: () => {
      aliases += 1;
    },
  });
  if (aliases > maxAliases) problems.push(problemAt(lines, 0, `${aliases} aliases, more than ${maxAliases}`));
  return problems;
};

/** JSON values only, of bounded depth, without names that mean something to the language itself. */
const assertPlain = (value: unknown, depth = 0): void => {
  if (depth > maxDepth) throw invalid(`Expected at most ${maxDepth} levels, got more.`);
  if (typeof value === "number" && !Number.isFinite(value)) throw invalid(`Expected finite numbers, got ${value}.`);
  if (typeof value === "bigint") throw invalid("Expected numbers below 2^53, got a larger one.");
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
    throw invalid("Expected texts, numbers, booleans, lists and mappings only, got a value of another type.");
  }
  if (Object.hasOwn(value, "__proto__")) throw invalid("Expected other names than __proto__, got it.");
  for (const inner of Object.values(value)) assertPlain(inner, depth + 1);
};

const toValue = (parsed: Document): unknown => {
  try {
    return parsed.toJS({ maxAliasCount: maxAliases });
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : "it cannot be resolved";
    throw new SwitchyardError("manifest_invalid", {
      detail: `Expected a plain document, got one where: ${reason}.`,
      cause: thrown,
    });
  }
};

interface ParsedYaml {
  readonly parsed: Document;
  readonly lines: LineCounter;
  readonly problems: readonly FieldProblem[];
}

const parse = (yaml: string): ParsedYaml => {
  const lines = new LineCounter();
  const options = {
    lineCounter: lines,
    version: "1.2",
    logLevel: "error",
    prettyErrors: false,
    uniqueKeys: false,
  } as const;
  try {
    const parsed = parseDocument(yaml, options);
    return { parsed, lines, problems: [...syntaxProblems(parsed, lines), ...structureProblems(parsed, lines)] };
  } catch (thrown) {
    // Nesting beyond what the stack holds ends here.
    throw new SwitchyardError("manifest_invalid", {
      detail: "Expected a YAML document, got one that cannot be read.",
      cause: thrown,
    });
  }
};

const idOf = (document: JsonObject): string => {
  const { id } = document;
  if (id === undefined || id === null || id === "") {
    throw new SwitchyardError("manifest_id_missing", { detail: "Expected an id in the manifest, got none." });
  }
  if (typeof id === "string" && id.length <= maxTypeIdLength && linearRegExp(typeIdPattern).test(id)) return id;
  const message = `expected a text that matches ${typeIdPattern}, got ${JSON.stringify(id).slice(0, 80)}`;
  throw invalid("The id of the manifest cannot be used: nothing was installed.", [{ pointer: "/id", message }]);
};

const nodeAt = (parsed: Document, path: readonly string[]): unknown => {
  const found: unknown = path.length === 0 ? parsed.contents : parsed.getIn(path, true);
  return isNode(found) || path.length === 0 ? found : nodeAt(parsed, path.slice(0, -1));
};

const placeFinder =
  (parsed: Document, lines: LineCounter) =>
  (pointer: string): TextPlace | undefined => {
    const path = pointer.split("/").slice(1);
    const names = path.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const node = nodeAt(parsed, names);
    if (!isNode(node) || !node.range) return undefined;
    const { line, col: column } = lines.linePos(node.range[0]);
    return { line, column };
  };

/**
 * Reads `plugin.yaml`, one UTF-8 YAML document that is a mapping, whatever its id. Duplicate keys, unknown tags,
 * several documents and aliases that multiply are refused.
 * @throws SwitchyardError `manifest_missing` or `manifest_invalid`, whose problems have their line and column.
 */
export const readManifestText = (files: readonly PackFile[]): ManifestText => {
  const yaml = decode(findFile(files));
  const { parsed, lines, problems } = parse(yaml);
  if (problems.length > 0) throw invalid(`The manifest cannot be read: ${problems[0]?.message}.`, problems);
  const document = toValue(parsed);
  if (!isJsonObject(document)) throw invalid("Expected the manifest to be one mapping, got something else.");
  assertPlain(document);
  return { yaml, document, placeAt: placeFinder(parsed, lines) };
};

/**
 * Reads `plugin.yaml` and its id, which must be usable.
 * @throws SwitchyardError `manifest_missing`, `manifest_invalid` or `manifest_id_missing`.
 */
export const readManifestFile = (files: readonly PackFile[]): ManifestFile => {
  const text = readManifestText(files);
  return { ...text, id: idOf(text.document) };
};
