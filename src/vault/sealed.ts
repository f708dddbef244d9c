/** The form of a sealed value, and what it is bound to. */
import { createHmac } from "node:crypto";
import { SwitchyardError } from "../errors.ts";

export const algorithm = "aes-256-gcm";
export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;
const form = "sw1";

/** What a sealed value belongs to: moved elsewhere, it does not open. */
export interface Place {
  /** Instance id or job id. */
  readonly scope: string;
  readonly field: string;
  readonly version: number;
}

/** An encrypted text: nonce, tag and ciphertext in one. */
export type Box = Buffer;

/** A value under a data key, and the data key under the master key: a new master key seals the data key anew only. */
export interface Envelope {
  readonly keyId: string;
  readonly dataKey: Box;
  readonly value: Box;
}

/** Which key sealed a value, without saying anything about the key. */
export const keyIdOf = (masterKey: Buffer): string =>
  createHmac("sha256", masterKey).update("switchyard key id").digest("hex").slice(0, 16);

/** JSON keeps the parts apart, whatever they hold. */
export const valueContext = ({ scope, field, version }: Place): Buffer =>
  Buffer.from(JSON.stringify([form, "value", scope, field, version]));
export const dataKeyContext = (keyId: string, { scope }: Pick<Place, "scope">): Buffer =>
  Buffer.from(JSON.stringify([form, "data key", keyId, scope]));

export const writeEnvelope = ({ keyId, dataKey, value }: Envelope): string =>
  [form, keyId, dataKey.toString("base64url"), value.toString("base64url")].join(".");

export const unreadable = (detail: string): SwitchyardError => new SwitchyardError("secret_unreadable", { detail });

/** @throws SwitchyardError `secret_unreadable` when the text is not a sealed value. */
export const readEnvelope = (sealed: string): Envelope => {
  const [, keyId, dataKey, value] = /^sw1\.([0-9a-f]{16})\.([\w-]+)\.([\w-]+)$/.exec(sealed) ?? [];
  if (keyId === undefined || dataKey === undefined || value === undefined) {
    throw unreadable("The stored secret is damaged: it does not have the form of a sealed value; set it again.");
  }
  return { keyId, dataKey: Buffer.from(dataKey, "base64url"), value: Buffer.from(value, "base64url") };
};
