/** The master key of this system: made on the first start, refused when it does not open what is stored. */
import { type Config, SettingError } from "../config.ts";
import { readKeyFacts } from "../store/key-fence.ts";
import { openStore } from "../store/open.ts";
import { replaceRotation } from "../store/rotation.ts";
import type { Store } from "../store/store.ts";
import { checkMasterKey, hasMasterKey } from "../store/vault-check.ts";
import { loadKey } from "../upkeep/configured-key.ts";
import type { KeyPlace } from "../upkeep/key-watch.ts";
import { parseRotation, writeRotation } from "../upkeep/rotation-state.ts";
import { beginRotation, createKeyring, type Keyring } from "../vault/keyring.ts";
import { loadMasterKey } from "../vault/master-key.ts";

const settingOf = ({ value, isOwn }: Config["masterKey"]): string => {
  if (value !== undefined) return "SWITCHYARD_MASTER_KEY";
  return isOwn ? "SWITCHYARD_DATA" : "SWITCHYARD_MASTER_KEY_FILE";
};

/** Where this process has its key from. */
export const keyPlaceOf = ({ masterKey }: Config): KeyPlace =>
  masterKey.value === undefined ? { file: masterKey.file } : { value: loadKey(masterKey) };

/** A key that was set together with the one before it: the exchange of the two begins by itself. */
const beginByPrevious = async ({ masterKey }: Config, store: Store, key: Buffer): Promise<void> => {
  if (masterKey.previous === undefined) return;
  const previous = loadMasterKey({ value: masterKey.previous, create: false });
  const { mark, rotation } = await store.read(readKeyFacts);
  if (rotation !== undefined || mark === undefined || !createKeyring(previous).knows(mark)) return;
  await store.write(() => replaceRotation(undefined, writeRotation(beginRotation(previous, key))));
};

const open = async (config: Config, store: Store, create: boolean): Promise<Keyring> => {
  const key = loadKey(config.masterKey, create);
  await beginByPrevious(config, store, key);
  const ring = createKeyring(key);
  const { rotation } = await store.read(readKeyFacts);
  if (rotation !== undefined) ring.follow(parseRotation(rotation));
  await checkMasterKey(store, ring);
  return ring;
};

/**
 * The vault with the configured key. `mayMakeKey`: a first start; the key's file is made when it is our own and missing.
 * @throws SettingError with one line when the key is missing, unreadable, or not the one of this store.
 */
export const openVault = async (config: Config, store: Store, mayMakeKey: boolean): Promise<Keyring> => {
  // A key that was lost must not be replaced silently: what it sealed would be lost as well.
  const create = mayMakeKey && config.masterKey.isOwn && !(await hasMasterKey(store));
  try {
    return await open(config, store, create);
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
