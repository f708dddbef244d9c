/** The master key as the settings name it. */
import { existsSync } from "node:fs";
import { createKeyring, type Keyring } from "../vault/keyring.ts";
import { loadMasterKey } from "../vault/master-key.ts";

export interface KeySettings {
  /** Goes before the file. */
  readonly value?: string;
  readonly file: string;
}

/** @throws SwitchyardError `secret_unreadable` when there is none and none is to be made. */
export const loadKey = ({ value, file }: KeySettings, create = false): Buffer =>
  loadMasterKey({ ...(value === undefined ? { file } : { value }), create });

/** The key as it is configured, before it is known whether it is the store's. */
export const loadRing = (settings: KeySettings): Keyring => createKeyring(loadKey(settings));

/** The key that is configured besides our own file, which a restore makes: null when there is none. */
export const foreignKey = (settings: KeySettings & { readonly isOwn: boolean }): Buffer | null =>
  settings.isOwn || (settings.value === undefined && !existsSync(settings.file)) ? null : loadKey(settings);
