/** The master key of this system: made on the first start, refused when it does not open what is stored. */
import type { Config } from "../config.ts";
import { openStore } from "../store/open.ts";
import { checkMasterKey } from "../store/vault-check.ts";
import { loadMasterKey } from "../vault/master-key.ts";
import { createVault, type Vault } from "../vault/vault.ts";

/** The vault with the configured key. `create`: make the key's file when it is our own and missing. */
export const openVault = async (config: Config, create: boolean): Promise<Vault> => {
  const { value, file, isOwn } = config.masterKey;
  const masterKey = await loadMasterKey({ ...(value === undefined ? { file } : { value }), create: create && isOwn });
  return createVault({ masterKey });
};

/** @throws SettingError or SwitchyardError with one clear line when the key is missing or wrong. */
export const checkKeys = async (config: Config): Promise<void> => {
  const vault = await openVault(config, true);
  const store = await openStore({ url: config.databaseUrl });
  try {
    await checkMasterKey(store, vault);
  } finally {
    await store.close();
  }
};
