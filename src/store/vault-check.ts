/** Refuses a master key that is not the one the store's secrets were sealed with. */
import { SwitchyardError } from "../errors.ts";
import { getMeta, keepMeta } from "./meta.ts";
import type { Store } from "./store.ts";

interface CheckPlace {
  readonly scope: string;
  readonly field: string;
  readonly version: number;
}

/** What the check needs of a vault. */
export interface CheckedVault {
  readonly keyId: string;
  seal(secret: CheckPlace & { readonly value: string }): string;
  open(sealed: string, place: CheckPlace): string;
}

const key = "vault_check";
const place: CheckPlace = { scope: "store", field: key, version: 1 };
const value = "switchyard";

/**
 * Seals a known value on the first start, and opens it on every later one.
 * @throws SwitchyardError `secret_unreadable` with one line for the operator when the key is another one.
 */
export const checkMasterKey = async (store: Store, vault: CheckedVault): Promise<void> => {
  const known = await store.read(() => getMeta(key));
  const sealed = known ?? (await store.write(() => keepMeta(key, vault.seal({ ...place, value }))));
  try {
    if (vault.open(sealed, place) === value) return;
  } catch (cause) {
    if (!(cause instanceof SwitchyardError)) throw cause;
  }
  throw new SwitchyardError("secret_unreadable", {
    detail: `The master key ${vault.keyId} is not the one that sealed this store's secrets: start with the key that belongs to it.`,
  });
};
