/** Checks the `transports` block and `writes[]` of a manifest, before any instance exists. */
import type { FieldProblem } from "../errors.ts";
import { blockProblems } from "./block-check.ts";
import { isJsonObject } from "./json.ts";
import { type Capability, isReadVerb, type Manifest, secretNames } from "./manifest.ts";
import { compileHttpPattern, httpPatternProblem, linePatternProblem, matchesHttp, writeEntries } from "./pattern.ts";
import { escapeToken } from "./pointer.ts";
import { blockKeys, connectionProperties, itemsOf, kindOf, transportKinds } from "./transport-block.ts";

const problem = (pointer: string, message: string): FieldProblem => ({ pointer, message });

/** Parts of the manifest whose form is right, so that a block can be held against them. */
export interface SoundParts {
  readonly isSchemaSound: boolean;
  readonly isRequiresSound: boolean;
}

const allSound: SoundParts = { isSchemaSound: true, isRequiresSound: true };

/** What a block may name; `null` for what is not known because that part of the manifest is itself wrong. */
const namesFor = (manifest: Manifest, { isSchemaSound, isRequiresSound }: SoundParts) => {
  const secrets = isSchemaSound ? secretNames(manifest) : [];
  const fields = isSchemaSound ? Object.keys(connectionProperties(manifest)) : [];
  return {
    names: isSchemaSound ? { fields: fields.filter((field) => !secrets.includes(field)), secrets } : null,
    permissions: isRequiresSound ? (manifest.requires?.permissions ?? []) : null,
  };
};

/** All that is wrong with one entry of the `transports` block. */
export const checkBlock = (
  name: string,
  block: unknown,
  manifest: Manifest,
  sound: SoundParts = allSound,
): FieldProblem[] => {
  const pointer = `/transports/${escapeToken(name)}`;
  const kind = kindOf(name);
  if (kind === undefined) {
    return [problem(pointer, `expected a name such as ${transportKinds.join(", ")} or http.<name>, got "${name}"`)];
  }
  if (!isJsonObject(block)) return [problem(pointer, "expected an object")];
  const unknown = Object.keys(block)
    .filter((key) => !blockKeys[kind].includes(key))
    .map((key) =>
      problem(`${pointer}/${escapeToken(key)}`, `expected one of ${blockKeys[kind].join(", ")}, got "${key}"`),
    );
  return [...unknown, ...blockProblems({ name, kind, block, pointer, ...namesFor(manifest, sound) })];
};

/** A pattern with another blank would hold for no path at all. */
const blankProblem = (pattern: unknown): string | undefined => {
  const path = isJsonObject(pattern) ? pattern["path"] : pattern;
  const other = /\{(?!verb\}|target\})[^{}/]*\}/.exec(String(path))?.[0];
  return other === undefined ? undefined : `expected {verb}, {target} or * for one part of a path, got ${other}`;
};

/** Why an entry of `writes[]` is none for a transport of this name. */
const writeProblem = (transport: string | undefined, pattern: unknown): string | undefined => {
  const kind = kindOf(transport ?? "http");
  if (kind === "http") return httpPatternProblem(pattern) ?? blankProblem(pattern);
  if (kind === "process") return itemsOf(pattern as never).length > 0 ? undefined : "expected a list of arguments";
  if (kind === "snmp")
    return /^SET [\d.]+(?:\.\*)?$/.test(String(pattern)) ? undefined : "expected SET <oid> or SET <oid>.*";
  return linePatternProblem(pattern);
};

const checkEntries = (capability: Capability, pointer: string, names: readonly string[]): FieldProblem[] =>
  (capability.writes ?? []).flatMap((entry, index) => {
    const at = `${pointer}/writes/${index}`;
    if (typeof entry === "string" && names.length > 1) {
      return [problem(at, `expected the entry keyed by its transport (${names.join(", ")}), got a bare string`)];
    }
    if (typeof entry !== "string" && !isJsonObject(entry))
      return [problem(at, "expected a pattern, or one keyed by its transport")];
    return writeEntries([entry], names[0]).flatMap(({ transport, pattern }) => {
      if (transport !== undefined && names.length > 0 && !names.includes(transport)) {
        return [
          problem(at, `expected a transport that the manifest declares (${names.join(", ")}), got "${transport}"`),
        ];
      }
      const message = writeProblem(transport, pattern);
      return message === undefined ? [] : [problem(at, message)];
    });
  });

/** The `writes[]` of one capability beside the `transports` block. */
export const checkWrites = (manifest: Manifest, capability: Capability, index: number): FieldProblem[] => {
  const pointer = `/capabilities/${index}`;
  const names = Object.keys(manifest.transports ?? {});
  const isMissing =
    manifest.transports !== undefined && capability.writes === undefined && !capability.verbs.every(isReadVerb);
  const missing = isMissing
    ? [
        problem(
          `${pointer}/writes`,
          `expected the writes that ${capability.id} may make, got none beside a transports block`,
        ),
      ]
    : [];
  return [...missing, ...checkEntries(capability, pointer, names)];
};

/** The manifest's own test must use a declared transport, and must read. */
export const checkTestTransport = ({ test, transports }: Manifest): FieldProblem[] => {
  if (test === undefined || test.method === "driver") return [];
  if (transports === undefined) {
    const isPlaceless = test.method === "tcp" && test.tcp.port === undefined;
    return isPlaceless ? [problem("/test/tcp/port", "expected a value, or a tcp transport that has the port")] : [];
  }
  if (!Object.keys(transports).some((name) => kindOf(name) === test.method)) {
    return [
      problem("/test/method", `expected a transport of the kind ${test.method}, got none in the transports block`),
    ];
  }
  if (test.method !== "http") return [];
  const { method, path } = test.request;
  const patterns = itemsOf(transports["http"]?.["reads"]).filter(
    (pattern) => httpPatternProblem(pattern) === undefined,
  );
  const isRead =
    method === "GET" ||
    method === "HEAD" ||
    patterns.some((pattern) => matchesHttp(compileHttpPattern(pattern as never), { method, path }));
  return isRead
    ? []
    : [problem("/test/request/method", `expected a read, got ${method}, which no entry of reads names`)];
};

/**
 * All that is wrong with the `transports` block, `writes[]` and the transport of `test`; empty when they are sound.
 * The manifest's own shape (strings, lists) is checked before by its schema.
 */
export const checkTransports = (manifest: Manifest): FieldProblem[] => [
  ...Object.entries(manifest.transports ?? {}).flatMap(([name, block]) => checkBlock(name, block, manifest)),
  ...manifest.capabilities.flatMap((capability, index) => checkWrites(manifest, capability, index)),
  ...checkTestTransport(manifest),
];
