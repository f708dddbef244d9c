/** The store on a SQLite file: one connection, written by group commit, read between commits. */
import { setTimeout as pause } from "node:timers/promises";
import type { Store } from "../store.ts";
import type { Outcome, Unit } from "../unit.ts";
import { drive } from "./drive.ts";
import { asStoreFault, isBusy, patienceMs, unavailable } from "./fault.ts";
import { groupCommit } from "./group-commit.ts";
import { openSqliteFile, type SqliteFile } from "./sqlite-file.ts";

interface Reading {
  readonly unit: () => Unit<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

type Execute = SqliteFile["execute"];

/** Answers of one statement that are worth looking through. */
const mostRemembered = 8;

const areSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index]);

/**
 * Within one state of the file the same question has the same answer: many requests for one instance in one turn of the
 * loop read it once. Nobody writes into rows.
 */
const rememberAnswers = (execute: Execute): Execute => {
  const known = new Map<string, { readonly parameters: readonly unknown[]; readonly outcome: Outcome }[]>();
  return (query) => {
    const statement = query.on("sqlite");
    const { sql, parameters } = statement;
    const asked = known.get(sql) ?? [];
    const found = asked.find((one) => areSame(one.parameters, parameters));
    if (found !== undefined) return found.outcome;
    const outcome = execute({ on: () => statement });
    if (asked.length < mostRemembered) known.set(sql, [...asked, { parameters, outcome }]);
    return outcome;
  };
};

const readOne = (execute: Execute, { unit, resolve, reject }: Reading): void => {
  try {
    resolve(drive(unit(), execute));
  } catch (thrown) {
    reject(thrown);
  }
};

/**
 * Reads that were asked for in one turn of the loop see one state of the file: no commit of this process comes between
 * their statements, and none of another one. Beginning and ending costs as much as a short read does.
 */
const readTogether = (file: SqliteFile, readings: readonly Reading[]): void => {
  try {
    file.plain("begin");
  } catch (thrown) {
    for (const { reject } of readings) reject(thrown);
    return;
  }
  const execute = readings.length > 1 ? rememberAnswers(file.execute) : file.execute;
  for (const reading of readings) readOne(execute, reading);
  if (file.isInTransaction) file.plain("rollback");
};

const gatherReads = (file: SqliteFile) => {
  let readings: Reading[] = [];
  const flush = (): void => {
    const due = readings;
    readings = [];
    readTogether(file, due);
  };
  return <T>(unit: () => Unit<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (readings.length === 0) setImmediate(flush);
      readings.push({ unit, resolve: resolve as (value: unknown) => void, reject });
    });
};

const readPatiently = async <T>(read: () => Promise<T>, now: () => number): Promise<T> => {
  const since = now();
  for (;;) {
    try {
      return await read();
    } catch (thrown) {
      if (!isBusy(thrown) || now() - since >= patienceMs) throw asStoreFault(thrown);
    }
    await pause(1);
  }
};

export const openSqlite = (path: string, now: () => number): Store => {
  const file = openSqliteFile(path);
  const commits = groupCommit(file, now);
  const reading = gatherReads(file);
  let isClosed = false;
  const refuse = () => Promise.reject(unavailable("The store is closed."));
  return {
    dialect: "sqlite",
    write: (unit, options) => (isClosed ? refuse() : commits.write(unit, options)),
    read: (unit) => (isClosed ? refuse() : readPatiently(() => reading(unit), now)),
    get pending() {
      return commits.pending;
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await commits.drain();
      if (file.isChanged) await file.sync();
      file.close();
    },
  };
};
