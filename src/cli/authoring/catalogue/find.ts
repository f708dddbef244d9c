/** The catalogue that is meant, and what is found in it. */
import { createHash } from "node:crypto";
import { loadConfig } from "../../../config.ts";
import { SwitchyardError } from "../../../errors.ts";
import { didYouMean } from "../../../model/nearest.ts";
import { readArchive } from "../../../packs/archive.ts";
import { packLimits } from "../../../packs/entry-path.ts";
import { readManifestFile } from "../../../packs/manifest-file.ts";
import type { TrustedKey } from "../../../packs/signature.ts";
import type { Alone } from "../../alone.ts";
import { form } from "../../called.ts";
import { exitCodes } from "../../exit-codes.ts";
import { CliFailure, notFound, usage } from "../../failure.ts";
import type { PackArchive } from "../pack-archive.ts";
import {
  type Catalogue,
  type CataloguePack,
  type CatalogueVersion,
  catalogueInvalid,
  pickVersion,
  readCatalogue,
} from "./document.ts";
import { type CatalogueSource, openSource } from "./source.ts";

const mostBytes = 16 * 1024 * 1024;

export interface OpenCatalogue {
  readonly source: CatalogueSource;
  readonly catalogue: Catalogue;
  readonly trusted: readonly TrustedKey[];
}

/** @param asked goes before the setting. @throws CliFailure when there is no catalogue, or none that can be used. */
export const openCatalogue = async ({ environment, cwd, signal }: Alone, asked?: string): Promise<OpenCatalogue> => {
  const { catalogUrl, trustedKeys } = loadConfig(environment, cwd);
  const place = asked ?? catalogUrl;
  if (place === null) {
    throw usage("No catalogue is known.", ["Name one with --catalog, or in SWITCHYARD_CATALOG: a file or a URL."]);
  }
  const source = openSource(place, cwd);
  const catalogue = readCatalogue(place, (await source.read({ mostBytes, signal })).toString("utf8"));
  return { source, catalogue, trusted: trustedKeys };
};

/** Packs in which the word stands somewhere. */
export const matching = ({ packs }: Catalogue, word: string): readonly CataloguePack[] => {
  const asked = word.toLowerCase();
  return packs.filter(({ id, name, description, category }) =>
    [id, name, description, category].some((text) => text.toLowerCase().includes(asked)),
  );
};

const changed = (file: string, detail: string): CliFailure =>
  new CliFailure(exitCodes.failed, {
    title: "The archive is not the one of the catalogue",
    detail: `${file}: ${detail} Nothing was installed.`,
    code: "archive_changed",
  });

const assertAsListed = async (bytes: Buffer, id: string, listed: CatalogueVersion): Promise<void> => {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (bytes.length !== listed.bytes || sha256 !== listed.sha256) {
    throw changed(
      listed.file,
      `expected ${listed.bytes} bytes with the sha256 ${listed.sha256}, got ${bytes.length} with ${sha256}.`,
    );
  }
  try {
    const file = readManifestFile(await readArchive(bytes));
    if (file.id === id && file.document["version"] === listed.version) return;
    throw changed(listed.file, `expected ${id} ${listed.version}, got ${file.id} ${String(file.document["version"])}.`);
  } catch (thrown) {
    if (!(thrown instanceof SwitchyardError)) throw thrown;
    throw changed(listed.file, thrown.message);
  }
};

const missingVersion = (pack: CataloguePack, core: string, asked: string | undefined): CliFailure => {
  const versions = pack.versions.map(({ version, core: range }) => `${version} (for ${range})`).join(", ");
  const wanted = asked === undefined ? `for this version ${core}` : asked;
  return notFound(`${pack.id} has no version ${wanted}; there are ${versions}.`);
};

/** `acme.lamp` or `acme.lamp@1.2.0`. */
export const catalogueName = /^([a-z][a-z0-9]*(?:\.[a-z][a-z0-9]*)*)(?:@([0-9A-Za-z.+-]+))?$/;

/** The archive of a name, checked against what the catalogue says. @throws CliFailure */
export const fetchPack = async (alone: Alone, name: string, asked?: string): Promise<PackArchive> => {
  const [, id = "", version] = catalogueName.exec(name) ?? [];
  const { source, catalogue } = await openCatalogue(alone, asked);
  const pack = catalogue.packs.find((one) => one.id === id);
  if (pack === undefined) {
    const near = didYouMean(
      id,
      catalogue.packs.map((one) => one.id),
    );
    throw notFound(`${source.name} has no pack ${id}.`, [...near, `Look with: ${form("search <word>")}`]);
  }
  const listed = pickVersion(pack, { core: alone.version, asked: version });
  if (listed === undefined) throw missingVersion(pack, alone.version, version);
  if (listed.bytes > packLimits.archiveBytes) {
    throw catalogueInvalid(source.name, `${listed.file} has ${listed.bytes} bytes, more than an archive may.`);
  }
  const bytes = await source.readBeside(listed.file, { mostBytes: packLimits.archiveBytes, signal: alone.signal });
  await assertAsListed(bytes, id, listed);
  return { name: `${id}-${listed.version}.int`, bytes };
};
