/** Reads known hosts as OpenSSH writes them: plain and hashed names, patterns, revoked keys. */
import { createHmac } from "node:crypto";
import type { SshPlace } from "./failures.ts";

interface KnownKey {
  readonly type: string;
  readonly base64: string;
}
interface KnownLine extends KnownKey {
  readonly isRevoked: boolean;
  readonly names: readonly string[];
}

const linesOf = (text: string): readonly KnownLine[] =>
  text.split(/\r?\n/).flatMap((line): KnownLine[] => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    const [names = "", type = "", base64 = ""] = words;
    // Keys of certificate authorities sign host certificates, which are not spoken here.
    if (names === "" || names.startsWith("#") || base64 === "" || (marker !== undefined && marker !== "@revoked"))
      return [];
    return [{ type, base64, isRevoked: marker !== undefined, names: names.split(",") }];
  });

const spellings = ({ host, port }: SshPlace): readonly string[] =>
  port === 22 ? [host, `[${host}]:22`] : [`[${host}]:${port}`];

const isHashOf = (pattern: string, name: string): boolean => {
  const [, , salt = "", hash = ""] = pattern.split("|");
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
};

/** `*` and `?` as in a shell; each star is looked for as early as possible, so that no pattern can run away. */
const isMatch = (pattern: string, name: string): boolean => {
  let [at, from, star, marked] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[from] === "*") {
      star = from;
      marked = at;
      from += 1;
    } else if (pattern[from] === "?" || pattern[from] === name[at]) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      from = star + 1;
      marked += 1;
      at = marked;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(from));
};

const isNamed = (names: readonly string[], place: SshPlace): boolean => {
  const known = spellings(place).map((name) => name.toLowerCase());
  const matches = (pattern: string): boolean =>
    pattern.startsWith("|1|")
      ? known.some((name) => isHashOf(pattern, name))
      : known.some((name) => isMatch(pattern.toLowerCase(), name));
  if (names.some((pattern) => pattern.startsWith("!") && matches(pattern.slice(1)))) return false;
  return names.some(matches);
};

/** The keys that are trusted for a place. */
export const knownKeys = (text: string, place: SshPlace): readonly KnownKey[] =>
  linesOf(text).filter(({ isRevoked, names }) => !isRevoked && isNamed(names, place));

export const isRevoked = (text: string, place: SshPlace, base64: string): boolean =>
  linesOf(text).some((line) => line.isRevoked && line.base64 === base64 && isNamed(line.names, place));
