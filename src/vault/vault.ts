/** Seals and opens secrets: for the worker's context, the only one that opens, and for key rotation. */
import { createDecipheriv } from "node:crypto";
import { createSealer, encrypt, type Sealer, type SealerOptions } from "./seal.ts";
import {
  algorithm,
  type Box,
  dataKeyContext,
  type Envelope,
  keyIdOf,
  nonceBytes,
  type Place,
  readEnvelope,
  tagBytes,
  unreadable,
  valueContext,
  writeEnvelope,
} from "./sealed.ts";

export interface Vault extends Sealer {
  /** @throws SwitchyardError `secret_unreadable`: another key, another place, or damaged. */
  open(sealed: string, place: Place): string;
  /** A sealed text that says nothing: kept beside the secrets, it shows later whether the key is still theirs. */
  mark(): string;
  /** Whether the mark was made with this key. */
  knows(mark: string): boolean;
}

const decrypt = (key: Buffer, box: Box, context: Buffer): Buffer => {
  const nonce = box.subarray(0, nonceBytes);
  const tag = box.subarray(nonceBytes, nonceBytes + tagBytes);
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(context).setAuthTag(tag);
  return Buffer.concat([decipher.update(box.subarray(nonceBytes + tagBytes)), decipher.final()]);
};

/** Failures of the cipher say nothing that helps, and name nothing that is secret. */
const orUnreadable = <T>(act: () => T, detail: string): T => {
  try {
    return act();
  } catch {
    throw unreadable(detail);
  }
};

const openDataKey = (masterKey: Buffer, { keyId, dataKey }: Envelope, place: Pick<Place, "scope">): Buffer => {
  const present = keyIdOf(masterKey);
  if (keyId !== present) {
    throw unreadable(`The secret was sealed with the master key ${keyId}, this process has ${present}.`);
  }
  return orUnreadable(
    () => decrypt(masterKey, dataKey, dataKeyContext(keyId, place)),
    "The stored secret cannot be opened: it is damaged or belongs to another place; set it again.",
  );
};

const openWith = (masterKey: Buffer, sealed: string, place: Place): string => {
  const envelope = readEnvelope(sealed);
  const dataKey = openDataKey(masterKey, envelope, place);
  const context = valueContext(place);
  return orUnreadable(
    () => decrypt(dataKey, envelope.value, context).toString("utf8"),
    `The secret ${place.field} cannot be opened: it is damaged or was sealed for another place; set it again.`,
  );
};

const markPlace: Place = { scope: "store", field: "mark", version: 1 };

const isKnown = (masterKey: Buffer, mark: string): boolean => {
  try {
    return openWith(masterKey, mark, markPlace) === "";
  } catch {
    return false;
  }
};

/** @throws SwitchyardError `secret_unreadable` when the key does not have 32 bytes. */
export const createVault = ({ masterKey }: SealerOptions): Vault => {
  const sealer = createSealer({ masterKey });
  return {
    ...sealer,
    open: (sealed, place) => openWith(masterKey, sealed, place),
    mark: () => sealer.seal({ ...markPlace, value: "" }),
    knows: (mark) => isKnown(masterKey, mark),
  };
};

/**
 * The same sealed value under another master key: only its data key is sealed anew, the value is not opened.
 * @throws SwitchyardError `secret_unreadable` when `from` is not the key it was sealed with.
 */
export const rewrap = (
  sealed: string,
  keys: { readonly scope: string; readonly from: Buffer; readonly to: Buffer },
): string => {
  const envelope = readEnvelope(sealed);
  const dataKey = openDataKey(keys.from, envelope, keys);
  const keyId = keyIdOf(keys.to);
  return writeEnvelope({ ...envelope, keyId, dataKey: encrypt(keys.to, dataKey, dataKeyContext(keyId, keys)) });
};
