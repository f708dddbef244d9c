/** `index <folder>`: a catalogue of the archives that lie in a folder. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, posix, relative, resolve } from "node:path";
import semver from "semver";
import { SwitchyardError } from "../../../errors.ts";
import type { Manifest } from "../../../model/manifest.ts";
import { checkManifest } from "../../../model/manifest-check.ts";
import { readArchive } from "../../../packs/archive.ts";
import { releaseDigest } from "../../../packs/digest.ts";
import { type Fault, faultsOfRefusal } from "../../../packs/faults.ts";
import { readManifestFile } from "../../../packs/manifest-file.ts";
import { signingKeyOf } from "../../../packs/signature.ts";
import type { Alone } from "../../alone.ts";
import { type ExitCode, exitCodes } from "../../exit-codes.ts";
import { usage } from "../../failure.ts";
import { printJson } from "../../session.ts";
import { printFaults } from "../show-faults.ts";
import { writeWhole } from "../whole-file.ts";
import { type Catalogue, type CataloguePack, type CatalogueVersion, catalogueFormat } from "./document.ts";

export interface IndexOptions {
  readonly out?: string;
}

interface Listed {
  readonly manifest: Manifest;
  readonly version: CatalogueVersion;
}

const archivesIn = (folder: string): string[] => {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw usage(`There is no folder ${folder}.`);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".int"));
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
};

const inArchive = (file: string, fault: Fault): Fault => ({
  code: fault.code,
  file,
  ...(fault.pointer === undefined ? {} : { pointer: fault.pointer }),
  message: fault.message,
});

const manifestOf = (document: Parameters<typeof checkManifest>[0]): Manifest => {
  const { manifest, problems } = checkManifest(document);
  if (manifest !== undefined) return manifest;
  throw new SwitchyardError("manifest_invalid", { detail: "The manifest is not in order.", errors: problems });
};

const list = async (folder: string, file: string): Promise<Listed> => {
  const bytes = readFileSync(join(folder, file));
  const files = await readArchive(bytes);
  const manifest = manifestOf(readManifestFile(files).document);
  return {
    manifest,
    version: {
      version: manifest.version,
      core: `>=${manifest.min_core_version}`,
      file: file.replaceAll("\\", "/"),
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      digest: releaseDigest(files),
      signed_by: signingKeyOf(files),
    },
  };
};

const doubled = (listed: readonly Listed[]): Fault[] =>
  listed.flatMap(({ manifest: { id, version }, version: { file } }, index) => {
    const first = listed.findIndex(({ manifest }) => manifest.id === id && manifest.version === version);
    if (first === index) return [];
    return [{ code: "version_twice", file, message: `${id} ${version} is in ${listed[first]?.version.file} already` }];
  });

/** The newest version speaks for the pack. */
const packOf = (versions: readonly Listed[]): CataloguePack => {
  const sorted = versions.toSorted((left, right) => semver.rcompare(left.manifest.version, right.manifest.version));
  const { id = "", name = "", description = "", category = "" } = sorted[0]?.manifest ?? {};
  return { id, name, description, category, versions: sorted.map(({ version }) => version) };
};

const catalogueOf = (listed: readonly Listed[]): Catalogue => {
  const byId = Map.groupBy(listed, ({ manifest }) => manifest.id);
  const packs = [...byId.keys()].sort().map((id) => packOf(byId.get(id) ?? []));
  return { switchyard_index: catalogueFormat, packs };
};

interface Gathered {
  readonly listed: readonly Listed[];
  readonly faults: readonly Fault[];
}

const gather = async (folder: string): Promise<Gathered> => {
  const listed: Listed[] = [];
  const faults: Fault[] = [];
  for (const file of archivesIn(folder)) {
    try {
      listed.push(await list(folder, file));
    } catch (thrown) {
      if (!(thrown instanceof SwitchyardError)) throw thrown;
      faults.push(...faultsOfRefusal(thrown).map((fault) => inArchive(file, fault)));
    }
  }
  return { listed, faults: [...faults, ...doubled(listed)] };
};

/** Archives are found from the catalogue's own place. @throws CliFailure when they do not lie below it. */
const below = (folder: string, file: string, listed: readonly Listed[]): readonly Listed[] => {
  const way = relative(dirname(file), folder).replaceAll("\\", "/");
  if (way.startsWith("..") || isAbsolute(way)) throw usage(`--out: expected a place in ${folder} or above it.`);
  return listed.map(({ manifest, version }) => ({
    manifest,
    version: { ...version, file: posix.join(way, version.file) },
  }));
};

export const index = async (alone: Alone, [path = ""]: readonly string[], { out }: IndexOptions): Promise<ExitCode> => {
  const { terminal, isJson, cwd } = alone;
  const folder = resolve(cwd, path);
  const { listed, faults } = await gather(folder);
  if (faults.length > 0) {
    if (isJson) printJson(alone, { file: null, faults });
    else printFaults(terminal, path, faults);
    terminal.note("No catalogue was written.");
    return exitCodes.failed;
  }
  const file = out === undefined ? join(folder, "index.json") : resolve(cwd, out);
  const catalogue = catalogueOf(below(folder, file, listed));
  writeWhole(file, `${JSON.stringify(catalogue, null, 2)}\n`);
  if (isJson) printJson(alone, { file, packs: catalogue.packs.length, versions: listed.length });
  else terminal.print(`${file}: ${catalogue.packs.length} packs, ${listed.length} versions`);
  return exitCodes.succeeded;
};
