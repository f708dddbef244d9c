/** Seals secrets. What only seals imports this file and cannot open anything. */
import { createCipheriv, randomBytes } from "node:crypto";
import {
  algorithm,
  type Box,
  dataKeyContext,
  keyBytes,
  keyIdOf,
  nonceBytes,
  type Place,
  unreadable,
  valueContext,
  writeEnvelope,
} from "./sealed.ts";

interface Secret extends Place {
  readonly value: string;
}

export interface Sealer {
  /** Which key seals: shown to operators, says nothing about the key. */
  readonly keyId: string;
  /** A sealed value, which opens for the same scope, field and version only. */
  seal(secret: Secret): string;
}

export interface SealerOptions {
  /** The key-encryption key, 32 bytes. */
  readonly masterKey: Buffer;
}

export const encrypt = (key: Buffer, plain: Buffer, context: Buffer): Box => {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce).setAAD(context);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
};

/** @throws SwitchyardError `secret_unreadable` when the key does not have 32 bytes. */
export const createSealer = ({ masterKey }: SealerOptions): Sealer => {
  if (masterKey.byteLength !== keyBytes) {
    throw unreadable(`The master key has ${masterKey.byteLength} bytes, expected ${keyBytes}.`);
  }
  const keyId = keyIdOf(masterKey);
  const seal = ({ value, ...place }: Secret): string => {
    const dataKey = randomBytes(keyBytes);
    return writeEnvelope({
      keyId,
      dataKey: encrypt(masterKey, dataKey, dataKeyContext(keyId, place)),
      value: encrypt(dataKey, Buffer.from(value, "utf8"), valueContext(place)),
    });
  };
  return { keyId, seal };
};
