/** What is wrong with a pack as one list: each fault with its place in the author's files. */
import type { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";
import { findDriver } from "./driver-file.ts";
import type { ExaminedPack } from "./examine.ts";
import type { ManifestText, TextPlace } from "./manifest-file.ts";

/** One fault. `code` is the key under which an install would tell it, or the code it would be refused with. */
export interface Fault {
  readonly code: string;
  /** Relative to the pack's folder. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** A place in the manifest. */
  readonly pointer?: string;
  readonly message: string;
}

const manifestFile = "plugin.yaml";

const placeIn = (place: Partial<TextPlace>): Partial<TextPlace> => ({
  ...(place.line === undefined ? {} : { line: place.line }),
  ...(place.column === undefined ? {} : { column: place.column }),
});

/** An install that refuses the pack before it looks at it: the error, or each of its parts. */
export const faultsOfRefusal = ({ code, message, errors }: SwitchyardError): Fault[] => {
  const file = code.startsWith("manifest_") && code !== "manifest_missing" ? { file: manifestFile } : {};
  if (errors.length === 0) return [{ code, ...file, message }];
  return errors.map(({ pointer, message: said, ...place }) => ({
    ...{ code, ...file, ...placeIn(place) },
    ...(pointer === "" ? {} : { pointer }),
    message: said,
  }));
};

const textOf = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);
const numberOf = (value: Json | undefined): number | undefined => (typeof value === "number" ? value : undefined);

interface Looked {
  readonly text: ManifestText;
  /** The driver's file, when there is one. */
  readonly driverPath: string | undefined;
}

/** Where a fault lies that names no place itself: what of the manifest it is about, or else the driver. */
const pointers: Readonly<Record<string, string>> = {
  driver_missing: "/driver/entrypoint",
  core_version_incompatible: "/min_core_version",
  requires_unmet: "/requires",
};
const inDriver: ReadonlySet<string> = new Set(["missing_test_connection", "capability_signature", "import_error"]);

const capabilityPointer = ({ capabilities }: JsonObject, id: Json | undefined): string | undefined => {
  const index = Array.isArray(capabilities)
    ? capabilities.findIndex((one) => isJsonObject(one) && one["id"] === id)
    : -1;
  return index < 0 ? undefined : `/capabilities/${index}`;
};

const placeOf = (code: string, found: JsonObject, { text, driverPath }: Looked): Omit<Fault, "code" | "message"> => {
  const file = textOf(found["file"]);
  const line = numberOf(found["line"]);
  if (file !== undefined) return { file, ...(line === undefined ? {} : { line }) };
  const pointer =
    textOf(found["pointer"]) ?? pointers[code] ?? capabilityPointer(text.document, found["capability"] ?? null);
  if (pointer !== undefined) return { file: manifestFile, ...text.placeAt(pointer), pointer };
  return inDriver.has(code) && driverPath !== undefined ? { file: driverPath } : {};
};

const messageOf = (code: string, found: JsonObject): string => {
  if (code === "core_version_incompatible") {
    return `expected at most the version ${String(found["current"])} that this runner has, got ${String(found["required"])}`;
  }
  const said = textOf(found["message"]) ?? JSON.stringify(found);
  const about = textOf(found["capability"]) ?? textOf(found["method"]) ?? textOf(found["requirement"]);
  return about === undefined || said.includes(about) ? said : `${about}: ${said}`;
};

/** Said as a sentence, or as the rest of one. */
const sameWords = (message: Json | undefined): string => String(message).toLowerCase().replace(/\.$/, "");

/** The first fault of a module stands beside all imports that cannot work, of which it may be one. */
const eachOf = (found: Json): JsonObject[] => {
  if (Array.isArray(found)) return found.filter((one) => isJsonObject(one));
  if (!isJsonObject(found)) return [{ message: String(found) }];
  const { imports, ...rest } = found;
  if (!Array.isArray(imports)) return [rest];
  const listed = imports.filter((one) => isJsonObject(one));
  return listed.some(({ message }) => sameWords(message) === sameWords(rest["message"])) ? listed : [rest, ...listed];
};

const order = (left: Fault, right: Fault): number => {
  if (left.file !== right.file) return left.file === manifestFile ? -1 : right.file === manifestFile ? 1 : 0;
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
};

/** `plugin.yaml:23:5: /capabilities/0 vm.power: expected a method vm_power, got none`, as compilers say it. */
export const faultText = ({ file, line, column, pointer, message }: Fault): string => {
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return [...(place === "" ? [] : [`${place}:`]), ...(pointer === undefined ? [] : [pointer]), message].join(" ");
};

/** The errors of an examined pack, those of the manifest first, each file from its top to its end. */
export const faultsOf = (errors: JsonObject, looked: Looked): Fault[] =>
  Object.entries(errors)
    .flatMap(([code, found]) =>
      eachOf(found).map((one) => ({ code, ...placeOf(code, one, looked), message: messageOf(code, one) })),
    )
    .sort(order);

/** The same of a pack as it was examined. */
export const faultsIn = (
  { errors, file }: Pick<ExaminedPack, "errors" | "file">,
  files: readonly PackFile[],
): Fault[] => {
  const driver = findDriver(file.document, files);
  return faultsOf(errors, { text: file, driverPath: driver.outcome === "found" ? driver.driver.path : undefined });
};
