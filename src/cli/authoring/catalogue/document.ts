/** A catalogue: packs, their versions, and by what each archive is known. */
import semver from "semver";
import { maxTypeIdLength, typeIdPattern } from "../../../model/manifest-schema.ts";
import { compileSchema } from "../../../model/schema.ts";
import { safePath } from "../../../packs/entry-path.ts";
import { exitCodes } from "../../exit-codes.ts";
import { CliFailure } from "../../failure.ts";

/** Raised when a field means something else than before. */
export const catalogueFormat = 1;

export interface CatalogueVersion {
  readonly version: string;
  /** The range of runners that it is for, such as `>=1.0.0`. */
  readonly core: string;
  /** Relative to the catalogue itself. */
  readonly file: string;
  readonly bytes: number;
  /** Of the archive, in hex. */
  readonly sha256: string;
  /** Of the content. */
  readonly digest: string;
  /** The key that signed it, as base64url; null when nobody did. */
  readonly signed_by: string | null;
}

export interface CataloguePack {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  /** The highest first. */
  readonly versions: readonly CatalogueVersion[];
}

export interface Catalogue {
  readonly switchyard_index: typeof catalogueFormat;
  readonly packs: readonly CataloguePack[];
}

const text = (maxLength: number) => ({ type: "string", maxLength });
const hex = { type: "string", pattern: "^[0-9a-f]{64}$" };
const version = {
  type: "object",
  required: ["version", "core", "file", "bytes", "sha256", "digest", "signed_by"],
  properties: {
    version: { ...text(100), minLength: 1 },
    core: { ...text(100), minLength: 1 },
    file: { type: "string", pattern: "^[A-Za-z0-9._+/-]+\\.int$", maxLength: 300 },
    bytes: { type: "integer", minimum: 1 },
    sha256: hex,
    digest: hex,
    signed_by: { type: ["string", "null"], pattern: "^[A-Za-z0-9_-]{43}$" },
  },
};
const pack = {
  type: "object",
  required: ["id", "name", "description", "category", "versions"],
  properties: {
    id: { type: "string", pattern: typeIdPattern, maxLength: maxTypeIdLength },
    name: text(100),
    description: text(5000),
    category: text(100),
    versions: { type: "array", minItems: 1, maxItems: 1000, items: version },
  },
};
const schema = {
  type: "object",
  required: ["switchyard_index", "packs"],
  properties: { packs: { type: "array", maxItems: 10_000, items: pack } },
};

type Problem = { readonly pointer: string; readonly message: string };

export const catalogueInvalid = (where: string, detail: string, errors: readonly Problem[] = []): CliFailure =>
  new CliFailure(exitCodes.failed, {
    title: "The catalogue cannot be used",
    detail: `${where}: ${detail}`,
    code: "catalog_invalid",
    errors,
  });

const versionProblems = ({ version: own, core, file }: CatalogueVersion, at: string): Problem[] => {
  const problems: Problem[] = [];
  if (semver.valid(own) === null)
    problems.push({ pointer: `${at}/version`, message: `expected a version, got ${JSON.stringify(own)}` });
  if (semver.validRange(core) === null)
    problems.push({ pointer: `${at}/core`, message: `expected a range of versions, got ${JSON.stringify(core)}` });
  try {
    safePath(file);
  } catch {
    problems.push({
      pointer: `${at}/file`,
      message: `expected a path below the catalogue, got ${JSON.stringify(file)}`,
    });
  }
  return problems;
};

const innerProblems = ({ packs }: Catalogue): Problem[] =>
  packs.flatMap(({ id, versions }, index) => [
    ...(packs.findIndex((other) => other.id === id) === index
      ? []
      : [{ pointer: `/packs/${index}/id`, message: `expected each pack once, got ${id} again` }]),
    ...versions.flatMap((one, place) => versionProblems(one, `/packs/${index}/versions/${place}`)),
  ]);

const parse = (where: string, content: string): unknown => {
  try {
    return JSON.parse(content);
  } catch {
    throw catalogueInvalid(where, "expected JSON, got something else.");
  }
};

/** @param where what the catalogue is called in a message. @throws CliFailure with each fault at its place. */
export const readCatalogue = (where: string, content: string): Catalogue => {
  const document = parse(where, content);
  const format = (document as { switchyard_index?: unknown } | null)?.switchyard_index;
  if (format !== undefined && format !== catalogueFormat) {
    throw catalogueInvalid(
      where,
      `expected the format ${catalogueFormat}, got ${JSON.stringify(format)}: it was made for another version.`,
    );
  }
  const problems = compileSchema(schema)(document);
  const all = problems.length > 0 ? problems : innerProblems(document as Catalogue);
  if (all.length > 0) throw catalogueInvalid(where, "it has not the form of a catalogue.", all);
  return document as Catalogue;
};

/** The highest version for this runner, or the one that is asked for. */
export const pickVersion = (
  { versions }: CataloguePack,
  { core, asked }: { readonly core: string; readonly asked?: string | undefined },
): CatalogueVersion | undefined =>
  versions
    .filter((one) =>
      asked === undefined ? semver.satisfies(core, one.core, { includePrerelease: true }) : one.version === asked,
    )
    .sort((left, right) => semver.rcompare(left.version, right.version))[0];
