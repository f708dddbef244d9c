/** Whether a host key is the one to trust: the config's pin, known_hosts, or the instance's own memory. */
import { createHash } from "node:crypto";
import { SwitchyardError } from "../../errors.ts";
import type { HostKey, HostKeys } from "../contract.ts";
import { placeName, type SshPlace } from "./failures.ts";
import { isRevoked, knownKeys } from "./known-hosts.ts";

/** What an endpoint or its jump host says about its key. */
export interface KeyRules {
  readonly pin: string | null;
  readonly knownHosts: string | null;
}

/** The key's type as its own bytes name it: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`. */
const typeOf = (key: Buffer): string => {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return length > 0 && length <= 64 ? key.toString("latin1", 4, 4 + length) : "unknown";
};

/** A host key as it is remembered and shown. */
export const hostKeyFrom = (key: Buffer): HostKey => ({
  type: typeOf(key),
  fingerprint: `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`,
});

const mismatch = (place: SshPlace, seen: HostKey, trusted: string, next: string): SwitchyardError =>
  new SwitchyardError("host_key_mismatch", {
    detail: `${placeName(place)} shows the ${seen.type} key ${seen.fingerprint}, and ${trusted} is trusted: another device answers there, or its key was changed. Nothing was sent. ${next}`,
    details: { place: placeName(place), seen: seen.fingerprint, trusted },
  });

const unknownKey = (place: SshPlace, seen: HostKey): SwitchyardError =>
  new SwitchyardError("host_key_unknown", {
    detail: `${placeName(place)} stands in no line of the instance's known hosts; it shows the ${seen.type} key ${seen.fingerprint}. Compare it with the device and add it.`,
    details: { place: placeName(place), seen: seen.fingerprint },
  });

const judgeKnown = (key: Buffer, seen: HostKey, place: SshPlace, text: string): SwitchyardError | undefined => {
  const base64 = key.toString("base64");
  if (isRevoked(text, place, base64))
    return mismatch(place, seen, "this very key revoked, another", "Do not trust this device.");
  const lines = knownKeys(text, place);
  if (lines.some((line) => line.base64 === base64)) return undefined;
  const [first] = lines;
  if (first === undefined) return unknownKey(place, seen);
  const trusted = hostKeyFrom(Buffer.from(first.base64, "base64")).fingerprint;
  return mismatch(place, seen, trusted, "If the change is right, replace the line in the instance's known hosts.");
};

/**
 * Judges the key that a device shows, and remembers it.
 * @throws SwitchyardError `host_key_mismatch`, `host_key_unknown`; nothing was sent to the device by then.
 */
export const judgeHostKey = async (key: Buffer, place: SshPlace, rules: KeyRules, memory: HostKeys): Promise<void> => {
  const seen = hostKeyFrom(key);
  const name = placeName(place);
  const isPinned = rules.pin !== null || rules.knownHosts !== null;
  const trusted = await memory.meet(name, seen, isPinned);
  if (rules.pin !== null) {
    if (rules.pin === seen.fingerprint) return;
    throw mismatch(place, seen, rules.pin, "If the change is right, change the fingerprint in the instance's config.");
  }
  if (rules.knownHosts !== null) {
    const problem = judgeKnown(key, seen, place, rules.knownHosts);
    if (problem !== undefined) throw problem;
    return;
  }
  if (trusted.fingerprint === seen.fingerprint) return;
  throw mismatch(
    place,
    seen,
    trusted.fingerprint,
    "If the change is right, an admin accepts the new key for this instance.",
  );
};

/** Key algorithms by the type of key they use, in the order in which they are offered. */
const families: readonly (readonly [type: RegExp, algorithms: readonly string[]])[] = [
  [/^ssh-ed25519$/, ["ssh-ed25519"]],
  [/^ecdsa-/, ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]],
  [/^(?:ssh-rsa|rsa-)/, ["rsa-sha2-512", "rsa-sha2-256"]],
];
const legacyKeys: readonly string[] = ["ssh-rsa", "ssh-dss"];

/**
 * The key algorithms to offer. A device has several keys and shows the first that is offered: so a key that is
 * trusted already is asked for first.
 */
export const keyAlgorithms = (types: readonly string[], allowsLegacy: boolean): readonly string[] => {
  const isAsked = (pattern: RegExp): boolean => types.some((type) => pattern.test(type));
  const asked = families.filter(([pattern]) => isAsked(pattern));
  const others = families.filter(([pattern]) => !isAsked(pattern));
  return [...asked, ...others].flatMap(([, algorithms]) => algorithms).concat(allowsLegacy ? legacyKeys : []);
};

/** Types of the keys that are trusted for a place; empty when that is not known beforehand. */
export const trustedTypes = async (place: SshPlace, rules: KeyRules, memory: HostKeys): Promise<readonly string[]> => {
  if (rules.knownHosts !== null && rules.pin === null)
    return knownKeys(rules.knownHosts, place).map(({ type }) => type);
  const trusted = await memory.known(placeName(place));
  const fits = trusted.filter(({ fingerprint }) => rules.pin === null || fingerprint === rules.pin);
  return fits.map(({ type }) => type);
};
