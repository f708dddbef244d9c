/** The store on a SQLite file: one connection, written by group commit, read between commits. */
import { setTimeout as pause } from "node:timers/promises";
import type { Store } from "../store.ts";
import type { Unit } from "../unit.ts";
import { drive } from "./drive.ts";
import { asStoreFault, isBusy, patienceMs, unavailable } from "./fault.ts";
import { groupCommit } from "./group-commit.ts";
import { openSqliteFile, type SqliteFile } from "./sqlite-file.ts";

/** A read is one turn of the loop: no commit of this process comes between its statements, and none of another one. */
const readOnce = <T>(file: SqliteFile, unit: () => Unit<T>): T => {
  file.plain("begin");
  try {
    return drive(unit(), file.execute);
  } finally {
    if (file.isInTransaction) file.plain("rollback");
  }
};

const readPatiently = async <T>(file: SqliteFile, unit: () => Unit<T>, now: () => number): Promise<T> => {
  const since = now();
  for (;;) {
    try {
      return readOnce(file, unit);
    } catch (thrown) {
      if (!isBusy(thrown) || now() - since >= patienceMs) throw asStoreFault(thrown);
    }
    await pause(1);
  }
};

export const openSqlite = (path: string, now: () => number): Store => {
  const file = openSqliteFile(path);
  const commits = groupCommit(file, now);
  let isClosed = false;
  const refuse = () => Promise.reject(unavailable("The store is closed."));
  return {
    dialect: "sqlite",
    write: (unit) => (isClosed ? refuse() : commits.write(unit)),
    read: (unit) => (isClosed ? refuse() : readPatiently(file, unit, now)),
    get pending() {
      return commits.pending;
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await commits.drain();
      file.close();
    },
  };
};
