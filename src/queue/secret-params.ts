/** Parameters that a capability marks secret: sealed at the door, a stand-in everywhere else. */
import { maskOf } from "../model/handle.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import { secretParams } from "../model/secret-params.ts";

/** The sealing half of the vault. `scope` and `field` are part of what is authenticated. */
export interface Sealer {
  seal(secret: { scope: string; field: string; version: number; value: string }): string | Promise<string>;
}

/** Member of sealed parameters that names the job they were sealed for; absent: the job that holds them. */
const sealedForKey = "@scope";

export interface SealedParams {
  readonly params: JsonObject;
  /** `{name: sealed}` as JSON text; null when there is nothing to hide. */
  readonly sealedInput: string | null;
}

const textOf = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Seals each secret parameter for this job; what is not text is sealed as its JSON. */
export const sealParams = async (
  vault: Sealer,
  jobId: string,
  capability: Capability,
  params: JsonObject,
): Promise<SealedParams> => {
  const names = Object.keys(secretParams(capability)).filter((name) => Object.hasOwn(params, name));
  if (names.length === 0) return { params, sealedInput: null };
  const sealed: Record<string, string> = {};
  for (const name of names) {
    sealed[name] = await vault.seal({ scope: jobId, field: name, version: 1, value: textOf(params[name] ?? null) });
  }
  const masks = Object.fromEntries(names.map((name) => [name, maskOf(name)]));
  return { params: { ...params, ...masks }, sealedInput: JSON.stringify(sealed) };
};

/** The sealed parameters of an earlier job, for a new job that repeats it. */
export const inheritSealed = (earlier: { id: string; sealedInput: string | null } | undefined): string | null => {
  if (earlier?.sealedInput == null) return null;
  return JSON.stringify({ [sealedForKey]: earlier.id, ...JSON.parse(earlier.sealedInput) });
};

const entriesOf = (sealedInput: string | null): [string, string][] =>
  Object.entries(JSON.parse(sealedInput ?? "{}") as Record<string, string>);

export const sealedNames = (sealedInput: string | null): readonly string[] =>
  entriesOf(sealedInput).flatMap(([name]) => (name === sealedForKey ? [] : [name]));

/** Each sealed parameter of a job with the scope for which it opens: that of the first job, when this one repeats it. */
export const sealedParamsOf = (job: {
  readonly id: string;
  readonly sealedInput: string | null;
}): readonly { readonly name: string; readonly sealed: string; readonly scope: string }[] => {
  const entries = entriesOf(job.sealedInput);
  const scope = entries.find(([name]) => name === sealedForKey)?.[1] ?? job.id;
  return entries.flatMap(([name, sealed]) => (name === sealedForKey ? [] : [{ name, sealed, scope }]));
};
