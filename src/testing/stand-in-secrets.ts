/** Secrets for contacts that no recording knows: a private key must be one, or nobody is ever asked. */
import { generateKeyPairSync } from "node:crypto";
import { isJsonObject, type Json } from "../model/json.ts";
import type { Manifest } from "../model/manifest.ts";
import type { NamedSecret } from "../model/redact.ts";

const namesIn = (template: Json | undefined): readonly string[] =>
  [template]
    .flat()
    .flatMap((one) => (typeof one === "string" ? [...one.matchAll(/\{secret:([A-Za-z0-9_]+)\}/g)] : []))
    .flatMap(([, name]) => (name === undefined ? [] : [name]));

/** Secrets that a block puts where a private key belongs, the jump host's as well. */
const keyNames = ({ transports = {} }: Manifest): ReadonlySet<string> =>
  new Set(
    Object.values(transports).flatMap((block) => {
      const jump = isJsonObject(block["jump"]) ? block["jump"] : {};
      return [...namesIn(block["private_key"]), ...namesIn(jump["private_key"])];
    }),
  );

const anyKey = (): string =>
  generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  }).privateKey;

/** The same secrets, each that is a private key as one that no device knows. */
export const withPrivateKeys = (manifest: Manifest, secrets: readonly NamedSecret[]): readonly NamedSecret[] => {
  const keys = keyNames(manifest);
  return secrets.map((secret) => (keys.has(secret.name) ? { ...secret, value: anyKey() } : secret));
};
