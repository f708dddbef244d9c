/** Opens the store by its URL, and migrates it: the two doors to the databases. */
import { type Log, silentLog } from "../log.ts";
import { isMissingTable, unavailable } from "./engine/fault.ts";
import { newerSchema } from "./engine/schema.ts";
import { isPostgres } from "./engine/url.ts";
import { schemaVersion } from "./migrations/all.ts";
import type { Store } from "./store.ts";
import type { Unit } from "./unit.ts";

export interface OpenOptions {
  /** `postgres://...`, or the path of a SQLite file. */
  readonly url: string;
  readonly log?: Log;
  /** A clock for how long a busy database is waited for, in milliseconds. */
  readonly now?: () => number;
}

function* presentSchema(): Unit<number> {
  const sql = "select coalesce(max(version), 0) as version from schema_migrations";
  const { rows } = yield { on: () => ({ sql, parameters: [] }) };
  return Number(rows[0]?.["version"] ?? 0);
}

const schemaOf = async (store: Store): Promise<number> => {
  try {
    return await store.read(presentSchema);
  } catch (thrown) {
    if (isMissingTable(thrown)) return 0;
    throw thrown;
  }
};

/** Only the database at hand is loaded: each costs its process some megabytes. */
const connect = async (url: string, now: () => number, log: Log): Promise<Store> => {
  if (isPostgres(url)) return (await import("./engine/postgres.ts")).openPostgres(url, now, log);
  const { openSqlite } = await import("./engine/sqlite.ts");
  try {
    return openSqlite(url, now);
  } catch (thrown) {
    throw unavailable("The database file cannot be opened: start the API role first, it creates it.", thrown);
  }
};

/**
 * Opens the store; migrates nothing.
 * @throws SwitchyardError `store_unavailable` when the database cannot be reached or has another schema.
 */
export const openStore = async ({ url, log = silentLog, now = Date.now }: OpenOptions): Promise<Store> => {
  const store = await connect(url, now, log);
  try {
    const present = await schemaOf(store);
    if (present > schemaVersion) throw newerSchema(present);
    if (present < schemaVersion) {
      throw unavailable(
        `The database has schema ${present}, expected ${schemaVersion}: start the API role first, it migrates.`,
      );
    }
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
};

/** Brings the database to this version's schema, creating it when it is new. Several may try at once: one does it. */
export const migrate = async (url: string): Promise<void> =>
  isPostgres(url)
    ? (await import("./engine/migrate-postgres.ts")).migratePostgres(url)
    : (await import("./engine/migrate-sqlite.ts")).migrateSqlite(url);
