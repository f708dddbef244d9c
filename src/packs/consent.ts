/** What an admin must agree to before a pack that we do not ship is installed. */
import { createHash } from "node:crypto";

export interface ConsentQuestion {
  /** Sorted, each once. */
  readonly permissions: readonly string[];
  /** Names exactly this list: a later upload that asks for more needs another word. */
  readonly digest: string;
}

const sorted = (permissions: readonly string[]): string[] => [...new Set(permissions)].sort();

/** SHA-256 in hex over the sorted list. */
export const consentDigest = (permissions: readonly string[]): string =>
  createHash("sha256")
    .update(JSON.stringify(sorted(permissions)))
    .digest("hex");

/**
 * The question that is still open, or `undefined`.
 * @param granted what the active release of the same pack was granted; an upgrade that asks for no more needs no word.
 */
export const openConsent = (
  asked: readonly string[],
  granted: readonly string[],
  given: string | undefined,
): ConsentQuestion | undefined => {
  const permissions = sorted(asked);
  if (permissions.every((permission) => granted.includes(permission))) return undefined;
  const digest = consentDigest(permissions);
  return given === digest ? undefined : { permissions, digest };
};
