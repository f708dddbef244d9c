/** The store on PostgreSQL: each unit is a transaction of its own; those that lose a race run again. */
import { setTimeout as pause } from "node:timers/promises";
import { Pool, type PoolClient, types } from "pg";
import type { Log } from "../../log.ts";
import type { Store } from "../store.ts";
import type { Outcome, Query, Unit } from "../unit.ts";
import { driveAsync } from "./drive.ts";
import { asStoreFault, isConflict, isLost, patienceMs, unavailable } from "./fault.ts";

const connections = 16;
const conflictTries = 20;
/** A server that says nothing for so long counts as lost. */
const silenceMs = 15_000;
const lostPauseMs = 50;
const longestPauseMs = 10;
/** bigint and numeric: ours stay below 2^53. */
const numberTypes: ReadonlySet<number> = new Set([20, 1700]);

/** Counts, times and numbers come as numbers, as SQLite gives them. */
const getTypeParser = ((oid: number, format?: "text" | "binary") =>
  numberTypes.has(oid) ? Number : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser;

export const poolOptions = (url: string) => ({
  connectionString: url,
  connectionTimeoutMillis: patienceMs,
  types: { getTypeParser },
});

const executeOn =
  (client: Pick<PoolClient, "query">) =>
  async (query: Query): Promise<Outcome> => {
    const { sql, parameters, name } = query.on("postgres");
    const { rows, rowCount } = await client.query({
      text: sql,
      values: [...parameters],
      ...(name === undefined ? {} : { name }),
    });
    return { rows, changes: rowCount ?? 0 };
  };

/** A commit whose answer never came may or may not have happened: such a unit is not run again. */
class LostCommit extends Error {}

const commit = async (client: PoolClient): Promise<void> => {
  try {
    await client.query("commit");
  } catch (thrown) {
    throw isLost(thrown) ? new LostCommit("The answer to a commit was lost.", { cause: thrown }) : thrown;
  }
};

/** Undoes a transaction; true when the connection is of no more use. */
const isBroken = async (client: PoolClient, thrown: unknown): Promise<boolean> => {
  if (thrown instanceof LostCommit || isLost(thrown)) return true;
  return client.query("rollback").then(
    () => false,
    () => true,
  );
};

const transact = async <T>(pool: Pool, unit: () => Unit<T>): Promise<T> => {
  const client = await pool.connect();
  try {
    // Each statement sees what was committed before it, whatever this database is set to.
    await client.query("begin isolation level read committed");
    const value = await driveAsync(unit(), executeOn(client));
    await commit(client);
    client.release();
    return value;
  } catch (thrown) {
    client.release(await isBroken(client, thrown));
    throw thrown;
  }
};

/** How long to wait before the unit runs again; undefined: it must not. */
const pauseAfter = (thrown: unknown, tries: number, waitedMs: number): number | undefined => {
  if (thrown instanceof LostCommit) return undefined;
  if (isConflict(thrown) && tries < conflictTries) return Math.min(tries, longestPauseMs);
  return isLost(thrown) && waitedMs < patienceMs ? lostPauseMs : undefined;
};

const faultOf = (thrown: unknown): unknown =>
  thrown instanceof LostCommit ? unavailable(thrown.message, thrown.cause) : asStoreFault(thrown);

/** Runs again what lost a race, and what met a server that was away. */
const patiently = async <T>(now: () => number, once: () => Promise<T>): Promise<T> => {
  const since = now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await once();
    } catch (thrown) {
      const pauseMs = pauseAfter(thrown, tries, now() - since);
      if (pauseMs === undefined) throw faultOf(thrown);
      await pause(pauseMs);
    }
  }
};

const openPool = (url: string, log: Log): Pool => {
  const pool = new Pool({ ...poolOptions(url), max: connections, keepAlive: true, query_timeout: silenceMs });
  const note = (fault: Error) => log.warn({ fault: fault.message }, "a database connection failed");
  pool.on("error", note);
  // A connection that breaks while it is lent out says so by itself too; whoever holds it learns from its query.
  pool.on("connect", (client) => client.on("error", note));
  return pool;
};

export const openPostgres = (url: string, now: () => number, log: Log): Store => {
  const pool = openPool(url, log);
  const open = new Set<Promise<unknown>>();
  let pending = 0;
  let isClosed = false;
  const tracked = async <T>(once: () => Promise<T>): Promise<T> => {
    if (isClosed) throw unavailable("The store is closed.");
    const work = patiently(now, once);
    open.add(work);
    try {
      return await work;
    } finally {
      open.delete(work);
    }
  };
  return {
    dialect: "postgres",
    write: async (unit) => {
      pending += 1;
      try {
        return await tracked(() => transact(pool, unit));
      } finally {
        pending -= 1;
      }
    },
    read: (unit) => tracked(() => driveAsync(unit(), executeOn(pool))),
    get pending() {
      return pending;
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await Promise.allSettled(open);
      await pool.end();
    },
  };
};
