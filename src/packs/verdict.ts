/** What is wrong with a pack, all of it at once, keyed by the kind of fault. */
import semver from "semver";
import type { FieldProblem } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";
import { methodOf } from "../model/manifest.ts";
import type { FoundDriver } from "./driver-file.ts";
import type { ForbiddenImport } from "./imports.ts";
import type { TextPlace } from "./manifest-file.ts";
import type { Unmet } from "./requires.ts";

/** What a driver module turned out to offer when it was loaded in the sandbox. */
export interface LoadedSurface {
  /** Method name to its number of declared parameters. */
  readonly methods: Readonly<Record<string, number>>;
  readonly handles: Readonly<Record<string, { verbs?: readonly string[]; targets?: readonly string[] }>> | null;
  readonly importError: { readonly message: string; readonly file?: string; readonly line?: number } | null;
  /** Of a driver in Python, whose arguments go by their names: what is wrong with a method's parameters. */
  readonly signatures?: Readonly<Record<string, string>>;
}

/** Everything that was found out about a pack. */
export interface Findings {
  /** The manifest as it was read, in whatever form. */
  readonly document: JsonObject;
  readonly problems: readonly FieldProblem[];
  readonly placeAt: (pointer: string) => TextPlace | undefined;
  readonly driver: FoundDriver;
  /** `null` when there was nothing that could be loaded. */
  readonly surface: LoadedSurface | null;
  /** Imports that no sandbox allows. */
  readonly imports: readonly ForbiddenImport[];
  readonly unmet: readonly Unmet[];
  readonly coreVersion: string;
  /** Something else that keeps the pack from running. */
  readonly otherFault?: string;
}

interface DeclaredCapability {
  readonly id: string;
  readonly verbs: readonly string[];
  readonly targets: readonly string[];
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

/** The capabilities that can be told apart, even when others are malformed. */
const declaredIn = ({ capabilities }: JsonObject): DeclaredCapability[] =>
  (Array.isArray(capabilities) ? capabilities : []).flatMap((capability) =>
    isJsonObject(capability) && typeof capability["id"] === "string"
      ? [{ id: capability["id"], verbs: texts(capability["verbs"]), targets: texts(capability["targets"]) }]
      : [],
  );

const schemaErrors = ({ problems, placeAt }: Findings): Json[] =>
  problems.map(({ pointer, message }) => ({ pointer, message, ...placeAt(pointer) }));

const missingMethods = (declared: readonly DeclaredCapability[], surface: LoadedSurface): Json[] =>
  declared
    .filter(({ id }) => !Object.hasOwn(surface.methods, methodOf(id)))
    .map(({ id }) => ({ capability: id, message: `expected a method ${methodOf(id)}, got none` }));

const sameNames = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((name) => right.includes(name));

const compareNames = (id: string, what: string, manifest: readonly string[], driver: readonly string[]): Json[] =>
  sameNames(manifest, driver)
    ? []
    : [
        {
          capability: id,
          message: `expected the ${what} ${manifest.join(", ")} of the manifest, got ${driver.join(", ") || "none"}`,
        },
      ];

/** `static handles` is the driver's own word on what it does: it must be the manifest's. */
const handleMismatches = (declared: readonly DeclaredCapability[], { handles }: LoadedSurface): Json[] => {
  if (handles === null) return [];
  const undeclared = Object.keys(handles).filter((id) => !declared.some((capability) => capability.id === id));
  return [
    ...undeclared.map((id) => ({
      capability: id,
      message: "expected a capability of the manifest, got another in handles",
    })),
    ...declared.flatMap(({ id, verbs, targets }) => {
      const handled = handles[id];
      if (handled === undefined) return [{ capability: id, message: "expected it in handles, got nothing" }];
      return [
        ...compareNames(id, "verbs", verbs, handled.verbs ?? []),
        ...compareNames(id, "targets", targets, handled.targets ?? []),
      ];
    }),
  ];
};

const ownMethods = ["__init__", "test_connection"];

const badSignatures = (
  declared: readonly DeclaredCapability[],
  { methods, signatures = {} }: LoadedSurface,
): Json[] => {
  const names = [...declared.map(({ id }) => methodOf(id))];
  const told = [...ownMethods, ...names].filter((name) => Object.hasOwn(signatures, name));
  const byName = [...new Set(told)].map((method) => ({ method, message: signatures[method] ?? "" }));
  const byCount = [...new Set(names)].flatMap((method) => {
    const count = Object.hasOwn(methods, method) ? (methods[method] ?? 0) : 0;
    return count <= 1 ? [] : [{ method, message: `expected at most one parameter (the call), got ${count}` }];
  });
  return [...byName, ...byCount];
};

type Keyed = readonly (readonly [string, Json | undefined])[];
const unlessEmpty = (list: readonly Json[]): Json | undefined => (list.length === 0 ? undefined : list);

/** The first fault of the module, with every import that cannot work beside it. */
const importError = ({ surface, imports }: Findings): Json | undefined => {
  const listed = imports.length === 0 ? {} : { imports: imports.map((found) => ({ ...found })) };
  if (surface !== null && surface.importError !== null) return { ...surface.importError, ...listed };
  const [first] = imports;
  return first && { message: first.message, file: first.file, line: first.line, ...listed };
};

const surfaceErrors = ({ document, surface }: Findings): Keyed => {
  const declared = declaredIn(document);
  // Where the manifest has none, misspelt as it may be, that is the fault; all that the driver handles follows from it.
  const isToldApart = Array.isArray(document["capabilities"]);
  if (surface === null || surface.importError !== null) return [];
  return [
    [
      "capability_mismatch",
      unlessEmpty([...missingMethods(declared, surface), ...(isToldApart ? handleMismatches(declared, surface) : [])]),
    ],
    ["capability_signature", unlessEmpty(badSignatures(declared, surface))],
    [
      "missing_test_connection",
      Object.hasOwn(surface.methods, "test_connection")
        ? undefined
        : { message: "expected a method test_connection, got none" },
    ],
  ];
};

const coreError = ({ document, coreVersion }: Findings): Json | undefined => {
  const required = document["min_core_version"];
  return typeof required === "string" && semver.valid(required) !== null && semver.gt(required, coreVersion)
    ? { required, current: coreVersion }
    : undefined;
};

/** The errors of a type as contract and API show them; no key is there without a fault, and `{}` means valid. */
export const collectErrors = (findings: Findings): JsonObject => {
  const { driver, unmet, otherFault } = findings;
  const keyed: Keyed = [
    ["schema_error", unlessEmpty(schemaErrors(findings))],
    ["driver_missing", driver.outcome === "missing" ? { message: driver.message } : undefined],
    ["import_error", importError(findings)],
    ...surfaceErrors(findings),
    ["core_version_incompatible", coreError(findings)],
    ["requires_unmet", unlessEmpty(unmet.map(({ requirement, message }) => ({ requirement, message })))],
    ["validation_error", otherFault === undefined ? undefined : { message: otherFault }],
  ];
  return Object.fromEntries(keyed.filter((entry): entry is [string, Json] => entry[1] !== undefined));
};
