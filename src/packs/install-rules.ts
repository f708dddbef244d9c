/** Which pack may take the place of which: pure decisions, made before anything is loaded or written. */
import semver from "semver";
import type { IntegrationType, Release } from "../model/integration-type.ts";

/** What is to be installed. */
export interface Incoming {
  readonly version: string;
  readonly digest: string;
  /** The caller said that it may replace what is installed. */
  readonly replace: boolean;
  /** It comes from the folder of shipped packs. */
  readonly isShipped: boolean;
}

/** What is installed under the same id. */
export type Installed = Pick<IntegrationType, "status" | "digest" | "isRemoved" | "isShipped"> & {
  readonly version: string;
};

export type Decision =
  /** Nothing valid is there: it is installed. */
  | { readonly action: "install" }
  /** It takes the place of a valid release; `from` is that one's version. */
  | { readonly action: "upgrade"; readonly from: string }
  /** Nothing is to be done, and that is a success. */
  | { readonly action: "none"; readonly reason: string }
  | { readonly action: "conflict"; readonly reason: string };

const none = (reason: string): Decision => ({ action: "none", reason });

/** Versions that do not read as such (an installed type may be invalid) count as the lowest. */
const order = (left: string, right: string): -1 | 0 | 1 =>
  semver.compare(semver.valid(left) ?? "0.0.0-0", semver.valid(right) ?? "0.0.0-0");

const decideShipped = (incoming: Incoming, installed: Installed, knownDigests: ReadonlySet<string>): Decision => {
  if (installed.isRemoved) return none("a user removed it");
  if (installed.status !== "unavailable" && knownDigests.has(incoming.digest)) return none("this content is known");
  if (installed.status !== "valid") return { action: "install" };
  if (order(incoming.version, installed.version) < 0)
    return none(`the higher version ${installed.version} is installed`);
  return { action: "upgrade", from: installed.version };
};

const decideUpload = (incoming: Incoming, installed: Installed): Decision => {
  if (installed.status !== "valid") return { action: "install" };
  if (installed.digest === incoming.digest) return none("this content is installed");
  const upgrade: Decision = { action: "upgrade", from: installed.version };
  const compared = order(incoming.version, installed.version);
  if (compared > 0 || incoming.replace) return upgrade;
  const reason =
    compared === 0
      ? `version ${installed.version} is installed with another content: raise the version, or install with replace`
      : `the higher version ${installed.version} is installed: install with replace to go back`;
  return { action: "conflict", reason };
};

/**
 * What installing would do. `knownDigests` are all releases of the type: a shipped pack comes in once, and a later
 * rollback or upgrade by a user is not undone at the next start.
 */
export const decideInstall = (
  incoming: Incoming,
  installed: Installed | undefined,
  knownDigests: ReadonlySet<string>,
): Decision => {
  if (installed === undefined) return { action: "install" };
  return incoming.isShipped ? decideShipped(incoming, installed, knownDigests) : decideUpload(incoming, installed);
};

/**
 * The release to go back to: the one that was asked for, else the last that was installed before and was valid.
 * @param releases the last installed first.
 */
export const pickEarlier = (
  releases: readonly Release[],
  activeDigest: string,
  asked?: string,
): Release | undefined => {
  const others = releases.filter(({ digest }) => digest !== activeDigest);
  if (asked !== undefined) return others.find(({ digest }) => digest === asked);
  return others.find(({ status }) => status !== "invalid");
};
