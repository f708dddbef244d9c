/** Refuses a master key that is not the one the store's secrets were sealed with. */
import { SwitchyardError } from "../errors.ts";
import { getMeta, keepMeta } from "./meta.ts";
import type { Store } from "./store.ts";

/** What the check needs of a vault. */
export interface MarkingVault {
  readonly keyId: string;
  mark(): string;
  knows(mark: string): boolean;
}

/** Where the mark lies among the facts of the installation. */
export const markKey = "vault_check";

/** Whether a master key belongs to this store already. */
export const hasMasterKey = async (store: Store): Promise<boolean> =>
  (await store.read(() => getMeta(markKey))) !== undefined;

/**
 * Leaves the vault's mark in the store on the first start, and asks on every later one whether the vault knows it.
 * @throws SwitchyardError `secret_unreadable` with one line for the operator when the key is another one.
 */
export const checkMasterKey = async (store: Store, vault: MarkingVault): Promise<void> => {
  const known = await store.read(() => getMeta(markKey));
  const mark = known ?? (await store.write(() => keepMeta(markKey, vault.mark())));
  if (vault.knows(mark)) return;
  throw new SwitchyardError("secret_unreadable", {
    detail: `The master key ${vault.keyId} is not the one that sealed this store's secrets: start with the key that belongs to it.`,
  });
};
