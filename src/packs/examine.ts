/** Finds out everything about a pack's files: what the manifest says, and what the driver offers in the sandbox. */
import { SwitchyardError } from "../errors.ts";
import type { Language, PackFile, SandboxLevel } from "../model/integration-type.ts";
import { isJsonObject, type JsonObject } from "../model/json.ts";
import type { Manifest } from "../model/manifest.ts";
import { checkManifest } from "../model/manifest-check.ts";
import { type FoundDriver, findDriver } from "./driver-file.ts";
import { type ForbiddenImport, forbiddenImports } from "./imports.ts";
import type { ManifestFile } from "./manifest-file.ts";
import { presentable } from "./presentable.ts";
import { checkInterpreter, checkRequires, type Machine, thisMachine, type Unmet } from "./requires.ts";
import { collectErrors, type LoadedSurface } from "./verdict.ts";

/** Who looks at a pack: what sandboxes are to be had there, and how a driver is loaded in one. */
export interface Examiner {
  readonly coreVersion: string;
  readonly minSandbox: SandboxLevel;
  /** The level that sandboxes reach there. */
  readonly sandboxLevel: SandboxLevel;
  readonly shelf: {
    /** Loads the driver's module in a sandbox and looks at it. */
    inspect(digest: string, entrypoint: string, language: Language): Promise<LoadedSurface>;
    /** What `<path> --version` tells behind a sandbox's walls; null when it tells nothing in time. */
    programVersion(path: string, level: SandboxLevel): Promise<string | null>;
  };
}

/** A pack as it was found to be. */
export interface ExaminedPack {
  readonly digest: string;
  readonly file: ManifestFile;
  /** The readable part only, when there are errors. */
  readonly manifest: Manifest;
  readonly language: Language;
  /** Keyed by kind of fault; empty when the pack is valid. */
  readonly errors: JsonObject;
}

export interface PackToExamine {
  readonly file: ManifestFile;
  readonly files: readonly PackFile[];
  readonly digest: string;
  readonly isShipped: boolean;
}

type Walled = Pick<PackToExamine, "file" | "files" | "isShipped">;

/** Programs of packs we do not ship run in the strongest sandbox only. */
const hasPrograms = ({ file }: Walled): boolean => {
  const { transports } = file.document;
  return Object.keys(isJsonObject(transports) ? transports : {}).some((name) => /^process(\.|$)/.test(name));
};

/** Nothing of Python itself would hold a driver back: whoever wrote it, it runs behind namespaces only. */
const isPython = ({ file, files }: Walled): boolean => languageOf(findDriver(file.document, files)) === "python";

const languageOf = (driver: FoundDriver): Language => (driver.outcome === "found" ? driver.driver.language : "node");

/** Why this machine's sandbox is too weak for the pack, or `null`. */
const levelFault = ({ sandboxLevel, minSandbox }: Examiner, pack: Walled): string | null => {
  if (sandboxLevel === "full") return null;
  const next = "install bubblewrap, or allow user namespaces";
  if (isPython(pack)) {
    return `${pack.file.id} has a driver in Python, which runs behind bubblewrap only, and this machine's sandbox is ${sandboxLevel}: ${next}`;
  }
  if (pack.isShipped || (minSandbox !== "full" && !hasPrograms(pack))) return null;
  return `${pack.file.id} needs a sandbox of the level full, this machine reaches ${sandboxLevel}: ${next}`;
};

/** Asked before any of its code is loaded. @throws SwitchyardError `sandbox_level_too_low`. */
export const assertSandboxLevel = (examiner: Examiner, pack: Walled): void => {
  const fault = levelFault(examiner, pack);
  if (fault !== null) throw new SwitchyardError("sandbox_level_too_low", { detail: `${fault}.` });
};

/** What is missing here to load the driver at all. */
const unmetByDriver = (driver: FoundDriver, machine: Machine): readonly Unmet[] =>
  languageOf(driver) === "python" ? checkInterpreter(machine) : [];

const inspect = async (examiner: Examiner, pack: PackToExamine, driver: FoundDriver): Promise<LoadedSurface | null> => {
  if (driver.outcome !== "found" || levelFault(examiner, pack) !== null) return null;
  const { entrypoint, language } = driver.driver;
  return examiner.shelf.inspect(pack.digest, entrypoint, language);
};

const importsOf = (driver: FoundDriver, files: readonly PackFile[]): ForbiddenImport[] =>
  driver.outcome === "found" && driver.driver.language === "node" ? forbiddenImports(driver.driver.path, files) : [];

/** Programs are asked for their version only where the pack could run them. */
const machineOf = (examiner: Examiner, pack: PackToExamine): Machine =>
  thisMachine(async (path) =>
    levelFault(examiner, pack) === null ? examiner.shelf.programVersion(path, examiner.sandboxLevel) : null,
  );

const otherFault = (examiner: Examiner, pack: PackToExamine): { otherFault?: string } => {
  const fault = levelFault(examiner, pack);
  return fault === null ? {} : { otherFault: fault };
};

/** A pack as its files alone show it, before anybody looked for faults. */
export const describePack = ({ file, files, digest }: PackToExamine): ExaminedPack => {
  const { manifest, problems } = checkManifest(file.document);
  const language = languageOf(findDriver(file.document, files));
  return { digest, file, manifest: manifest ?? presentable(file.id, file.document, problems), language, errors: {} };
};

/** Checks everything that can be checked and stops at nothing: an author sees all faults at once. */
export const examinePack = async (examiner: Examiner, pack: PackToExamine): Promise<ExaminedPack> => {
  const { file, files, digest } = pack;
  const { manifest, problems } = checkManifest(file.document);
  const driver = findDriver(file.document, files);
  const readable = manifest ?? presentable(file.id, file.document, problems);
  const machine = machineOf(examiner, pack);
  const lacking = unmetByDriver(driver, machine);
  const errors = collectErrors({
    document: file.document,
    problems,
    placeAt: file.placeAt,
    driver,
    surface: lacking.length > 0 ? null : await inspect(examiner, pack, driver),
    imports: importsOf(driver, files),
    unmet: [...lacking, ...(await checkRequires(readable.requires, machine, files))],
    coreVersion: examiner.coreVersion,
    ...otherFault(examiner, pack),
  });
  return { digest, file, manifest: readable, language: languageOf(driver), errors };
};

export const isValid = ({ errors }: Pick<ExaminedPack, "errors">): boolean => Object.keys(errors).length === 0;
