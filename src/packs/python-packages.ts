/** Which Python packages are there, by the names their installers leave, and whether one meets a dependency. */
import type { PackFile } from "../model/integration-type.ts";
import type { JsonObject } from "../model/json.ts";
import type { Unmet } from "./requires.ts";

export interface Distribution {
  readonly name: string;
  readonly version: string;
}

/** Names are the same whatever their case and separators, as the packaging standard says. */
const normalised = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-");

const installed = /^(.+?)-(\d[^-]*?)(?:-py[\d.]+)?\.(?:dist-info|egg-info)$/;
const wheel = /^(.+?)-(\d[^-]*)-.*\.whl$/;

const matching = (pattern: RegExp, names: readonly string[]): Distribution[] =>
  names.flatMap((entry) => {
    const [, name, version] = pattern.exec(entry) ?? [];
    return name === undefined || version === undefined ? [] : [{ name: normalised(name), version }];
  });

/** Packages whose traces lie in a folder of installed ones. */
export const distributionsIn = (entries: readonly string[]): Distribution[] => matching(installed, entries);

/** Packages that the pack brings as wheels. */
export const wheelsOf = (files: readonly PackFile[], folder: string): Distribution[] => {
  const prefix = `${folder.replace(/\/$/, "")}/`;
  const names = files.filter(({ path }) => path.startsWith(prefix)).map(({ path }) => path.slice(prefix.length));
  return matching(wheel, names);
};

const requirement = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;]*)/;

const partsOf = (dependency: string | JsonObject): { name: string; range: string } => {
  const text =
    typeof dependency === "string"
      ? dependency
      : `${String(dependency["name"])} ${String(dependency["version"] ?? "")}`;
  const [, name = text, range = ""] = requirement.exec(text) ?? [];
  return { name: normalised(name), range: /^\d/.test(range.trim()) ? `=${range.trim()}` : range.trim() };
};

/** What is unmet about one dependency: it is absent, or none of the present versions fits. */
export const meetsDependency = (
  dependency: string | JsonObject,
  present: readonly Distribution[],
  check: (name: string, range: string, version: string) => Unmet[],
): Unmet[] => {
  const { name, range } = partsOf(dependency);
  const candidates = present.filter((distribution) => distribution.name === name);
  const label = `dep:${name}`;
  const [first] = candidates;
  if (first === undefined) return [{ requirement: label, message: `expected ${name} to be installed, got none` }];
  if (range === "" || candidates.some(({ version }) => check(label, range, version).length === 0)) return [];
  return check(label, range, first.version);
};
