/** What must be in order before anything runs on a store: its schema and its master key. */
import { existsSync, statSync } from "node:fs";
import type { Config } from "../config.ts";
import { SwitchyardError } from "../errors.ts";
import { migrate } from "../store/open.ts";
import { checkKeys } from "./keys.ts";

const causeOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string };
  if (code?.startsWith("SQLITE_") && message !== undefined) return `${code} (${message})`;
  return code ?? message ?? "no answer";
};

const damaged: ReadonlySet<unknown> = new Set(["SQLITE_CORRUPT", "SQLITE_NOTADB"]);

const refusalOf = (error: unknown, url: string): SwitchyardError => {
  const found = `found ${causeOf(error)}`;
  return new SwitchyardError("store_unavailable", {
    detail: damaged.has((error as { code?: unknown }).code)
      ? `Expected ${url} to be our database, ${found}: the file is damaged or another program's. Move the data folder away and restore a backup into a new one.`
      : `Expected the database to answer and to take our schema, ${found}; look whether it runs, and whether DATABASE_URL and SWITCHYARD_DATA are right.`,
  });
};

const isEmptyFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.size === 0;

/** The key is made after the schema: an empty file beside one had something in it. */
const refuseEmptied = ({ databaseUrl, masterKey }: Config): void => {
  if (!masterKey.isOwn || !existsSync(masterKey.file) || !isEmptyFile(databaseUrl)) return;
  throw new SwitchyardError("store_unavailable", {
    detail: `Expected ${databaseUrl} to hold what the key beside it sealed, found an empty file: move the data folder away and restore a backup into a new one, or remove the file to begin anew.`,
  });
};

const bringUp = async (config: Config): Promise<void> => {
  refuseEmptied(config);
  try {
    await migrate(config.databaseUrl);
  } catch (error) {
    if (error instanceof SwitchyardError) throw error;
    throw refusalOf(error, config.databaseUrl);
  }
};

/** The supervisor's and the API role's to do: workers find a store in order, or end. */
export const prepareStore = async (config: Config): Promise<void> => {
  await bringUp(config);
  await checkKeys(config);
};
