/** Makes a store and its key from a backup, where there is nothing yet. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { SwitchyardError } from "../errors.ts";
import type { Refill, Row, TableShape } from "../store/copy/copy.ts";
import { isVacant, openRefill } from "../store/copy/open-copy.ts";
import { isPostgres } from "../store/engine/url.ts";
import { schemaVersion } from "../store/migrations/all.ts";
import type { Unit } from "../store/unit.ts";
import { placeKey } from "../vault/master-key.ts";
import { keyIdOf } from "../vault/sealed.ts";
import { decodeValue, invalid, isRow, type Line } from "./backup-format.ts";
import { type BackupFile, readBackupFile } from "./backup-reading.ts";
import { settleOpenJobs } from "./settle-open.ts";

export interface RestoreRequest {
  readonly path: string;
  readonly passphrase: string | null;
  /** Must be empty, or not there. */
  readonly dataDir: string;
  /** Must hold no table. */
  readonly databaseUrl: string;
  /** Where the key goes; `present`: a key that is set already, which must then be the right one. */
  readonly masterKey: { readonly file: string; readonly present: Buffer | null };
  readonly now: number;
}

export interface RestoreFacts {
  readonly createdAt: string;
  readonly core: string;
  readonly rows: Readonly<Record<string, number>>;
  /** Jobs that were open then. */
  readonly settled: number;
  readonly keyId: string;
  /** False: it is still to be put into its place. */
  readonly hasKey: boolean;
}

/** Made by file systems, not by us. */
const foreign: ReadonlySet<string> = new Set(["lost+found"]);

const refuse = (detail: string): SwitchyardError => new SwitchyardError("restore_refused", { detail });

const requireVacant = async ({ dataDir, databaseUrl, masterKey }: RestoreRequest): Promise<void> => {
  const found = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => !foreign.has(name)) : [];
  if (found.length > 0) {
    throw refuse(
      `Expected an empty data folder, found ${found.length} entries in ${dataDir}: set SWITCHYARD_DATA to another folder, or move these away.`,
    );
  }
  if (!(await isVacant(databaseUrl))) {
    throw refuse("Expected an empty database, found tables in it: name an empty one by DATABASE_URL.");
  }
  if (masterKey.present === null && existsSync(masterKey.file)) {
    throw refuse(`Expected no master key yet, found ${masterKey.file}: move it away.`);
  }
};

const requireSameKey = ({ header }: BackupFile, present: Buffer | null): void => {
  if (present === null || keyIdOf(present) === header.key_id) return;
  throw refuse(
    `The backup's secrets are sealed with the master key ${header.key_id}, the settings name ${keyIdOf(present)}: set the right one, or none.`,
  );
};

interface Filled {
  readonly rows: Readonly<Record<string, number>>;
  readonly key: Buffer | undefined;
}

const portionRows = 500;

type Counts = Readonly<Record<string, number>>;

const isSame = (counted: Counts, said: Counts): boolean =>
  [...new Set([...Object.keys(counted), ...Object.keys(said)])].every(
    (name) => (counted[name] ?? 0) === (said[name] ?? 0),
  );

/** Takes rows of one table after the other, and hands them on in portions. */
const gather = (refill: Refill) => {
  const counted: Record<string, number> = {};
  let table: TableShape | undefined;
  let rows: Row[] = [];
  const flush = async (): Promise<void> => {
    if (table === undefined || rows.length === 0) return;
    counted[table.name] = (counted[table.name] ?? 0) + rows.length;
    await refill.insert(table, rows);
    rows = [];
  };
  return {
    counted,
    flush,
    begin: async (next: TableShape): Promise<void> => {
      await flush();
      table = next;
    },
    add: async (row: Row): Promise<void> => {
      rows.push(row);
      if (rows.length >= portionRows) await flush();
    },
  };
};

const fill = async (refill: Refill, lines: AsyncIterable<Line>): Promise<Filled> => {
  const gathered = gather(refill);
  let key: Buffer | undefined;
  let said: Counts | undefined;
  for await (const line of lines) {
    if (isRow(line)) await gathered.add(line.map(decodeValue));
    else if ("table" in line) await gathered.begin({ name: line.table, columns: line.columns });
    else if ("key" in line) key = Buffer.from(line.key, "base64");
    else said = line.rows;
  }
  await gathered.flush();
  if (said === undefined || !isSame(gathered.counted, said)) {
    throw invalid("The backup holds other rows than it says at its end: take an earlier backup.");
  }
  return { rows: gathered.counted, key };
};

/** The folders of a file that are not there yet, the deepest one first. */
const missingFolders = (path: string): string[] => {
  const folder = dirname(path);
  return existsSync(folder) ? [] : [folder, ...missingFolders(folder)];
};

/** Takes empty folders away; one with something in it stays, as do those around it. */
const removeEmpty = (folders: readonly string[]): void => {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Not made, not empty, or held by the system.
    }
  }
};

const refillFrom = async (backup: BackupFile, request: RestoreRequest): Promise<RestoreFacts> => {
  const { databaseUrl, masterKey, now } = request;
  const { header } = backup;
  const refill = await openRefill(databaseUrl, header.schema);
  let settled = 0;
  let placed: string | undefined;
  try {
    const { rows, key } = await fill(refill, backup.lines());
    if (key !== undefined && masterKey.present === null) {
      placeKey(masterKey.file, key);
      placed = masterKey.file;
    }
    await refill.finish(function* (): Unit<void> {
      settled = yield* settleOpenJobs(now);
    });
    const hasKey = key !== undefined || masterKey.present !== null;
    return { createdAt: header.created_at, core: header.core, rows, settled, keyId: header.key_id, hasKey };
  } catch (error) {
    await refill.abandon();
    if (placed !== undefined) rmSync(placed, { force: true });
    throw error;
  }
};

/**
 * Restores a backup. Nothing of it is to be seen when it fails.
 * @throws SwitchyardError `backup_invalid` for the file, `restore_refused` for the place.
 */
export const restoreBackup = async (request: RestoreRequest): Promise<RestoreFacts> => {
  const { path, passphrase, databaseUrl, masterKey } = request;
  const backup = await readBackupFile({ path, passphrase, schemaVersion });
  await requireVacant(request);
  requireSameKey(backup, masterKey.present);
  const files = isPostgres(databaseUrl) ? [masterKey.file] : [databaseUrl, masterKey.file];
  const folders = files.flatMap(missingFolders);
  try {
    return await refillFrom(backup, request);
  } catch (error) {
    removeEmpty(folders);
    throw error;
  }
};
