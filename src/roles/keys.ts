/** The master key of this system: made on the first start, refused when it does not open what is stored. */
import { type Config, SettingError } from "../config.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { checkMasterKey, hasMasterKey } from "../store/vault-check.ts";
import { loadMasterKey } from "../vault/master-key.ts";
import { createVault, type Vault } from "../vault/vault.ts";

const settingOf = ({ value, isOwn }: Config["masterKey"]): string => {
  if (value !== undefined) return "SWITCHYARD_MASTER_KEY";
  return isOwn ? "SWITCHYARD_DATA" : "SWITCHYARD_MASTER_KEY_FILE";
};

/**
 * The vault with the configured key. `mayMakeKey`: a first start; the key's file is made when it is our own and missing.
 * @throws SettingError with one line when the key is missing, unreadable, or not the one of this store.
 */
export const openVault = async (config: Config, store: Store, mayMakeKey: boolean): Promise<Vault> => {
  const { value, file, isOwn } = config.masterKey;
  // A key that was lost must not be replaced silently: what it sealed would be lost as well.
  const create = mayMakeKey && isOwn && !(await hasMasterKey(store));
  try {
    const vault = createVault({
      masterKey: loadMasterKey({ ...(value === undefined ? { file } : { value }), create }),
    });
    await checkMasterKey(store, vault);
    return vault;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "secret_unreadable") throw error;
    throw new SettingError(`setting ${settingOf(config.masterKey)}: ${(error as Error).message}`);
  }
};

/** Makes or refuses the key before any role works with it. */
export const checkKeys = async (config: Config): Promise<void> => {
  const store = await openStore({ url: config.databaseUrl });
  try {
    await openVault(config, store, true);
  } finally {
    await store.close();
  }
};
