/**
 * Commits together what was asked for while the last commit was on its way to the disk. A commit first goes into the
 * write-ahead log and then, beside the event loop, to the disk: only then does anybody hear that it is written.
 */
import type { WriteOptions } from "../store.ts";
import type { Unit } from "../unit.ts";
import { drive } from "./drive.ts";
import { asStoreFault, isBusy, patienceMs, unavailable } from "./fault.ts";
import type { SqliteFile } from "./sqlite-file.ts";

const batchSize = 256;
const busyPauseMs = 1;

interface Waiting {
  readonly unit: () => Unit<unknown>;
  readonly since: number;
  readonly mayLag: (value: unknown) => boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How a unit went. */
interface Verdict {
  readonly mayLag: boolean;
  tell(): void;
}

const succeeded = ({ mayLag, resolve }: Waiting, value: unknown): Verdict => ({
  mayLag: mayLag(value),
  tell: () => resolve(value),
});

const runAlone = (file: SqliteFile, waiting: Waiting): Verdict => {
  file.plain("savepoint unit");
  try {
    const value = drive(waiting.unit(), file.execute);
    file.plain("release unit");
    return succeeded(waiting, value);
  } catch (thrown) {
    // A full disk or a failed read ends the whole transaction: then the batch fails, not this unit.
    if (!file.isInTransaction) throw thrown;
    file.plain("rollback to unit");
    file.plain("release unit");
    const reason = asStoreFault(thrown);
    return { mayLag: false, tell: () => waiting.reject(reason) };
  }
};

/** Without savepoints: they cost more than most units, and hardly any unit throws. Undefined when one did. */
const runTogether = (file: SqliteFile, batch: readonly Waiting[]): readonly Verdict[] | undefined => {
  try {
    return batch.map((waiting) => succeeded(waiting, drive(waiting.unit(), file.execute)));
  } catch {
    return undefined;
  }
};

/** A unit may run again: when one of them throws, all are undone and each runs in a savepoint of its own. */
const runBatch = (file: SqliteFile, batch: readonly Waiting[]): readonly Verdict[] => {
  const verdicts = runTogether(file, batch);
  if (verdicts !== undefined) return verdicts;
  if (file.isInTransaction) file.plain("rollback");
  file.plain("begin immediate");
  return batch.map((waiting) => runAlone(file, waiting));
};

const fail = (batch: readonly Waiting[], thrown: unknown): void => {
  const reason = unavailable("The database cannot be written; the request may be sent again.", thrown);
  for (const { reject } of batch) reject(reason);
};

/** Into the log; undefined when all of it was undone. */
const commit = (file: SqliteFile, batch: readonly Waiting[]): readonly Verdict[] | undefined => {
  try {
    const verdicts = runBatch(file, batch);
    file.plain("commit");
    return verdicts;
  } catch (thrown) {
    if (file.isInTransaction) file.plain("rollback");
    fail(batch, thrown);
    return undefined;
  }
};

const tellAll = async (file: SqliteFile, batch: readonly Waiting[], verdicts: readonly Verdict[]) => {
  const [lagging, strict] = [verdicts.filter(({ mayLag }) => mayLag), verdicts.filter(({ mayLag }) => !mayLag)];
  for (const { tell } of lagging) tell();
  try {
    if (strict.length > 0 && file.isChanged) await file.sync();
  } catch (thrown) {
    return fail(batch, thrown);
  }
  for (const { tell } of strict) tell();
};

const never = (): boolean => false;

export interface GroupCommit {
  write<T>(unit: () => Unit<T>, options?: WriteOptions<T>): Promise<T>;
  readonly pending: number;
  /** Resolves when everything that was asked for is written. */
  drain(): Promise<void>;
}

export const groupCommit = (file: SqliteFile, now: () => number): GroupCommit => {
  let queue: Waiting[] = [];
  let underway = 0;
  let isDue = false;
  const drained: (() => void)[] = [];

  const giveUp = (waiting: Waiting): boolean => {
    if (now() - waiting.since < patienceMs) return false;
    waiting.reject(unavailable("The database was busy for 5 s: another process holds it; try again."));
    return true;
  };
  const begin = (): boolean => {
    try {
      file.plain("begin immediate");
      return true;
    } catch (thrown) {
      if (isBusy(thrown)) queue = queue.filter((waiting) => !giveUp(waiting));
      else for (const { reject } of queue.splice(0)) reject(asStoreFault(thrown));
      return false;
    }
  };
  const writeBatch = async (): Promise<void> => {
    const batch = queue.splice(0, batchSize);
    underway = batch.length;
    const verdicts = commit(file, batch);
    if (verdicts !== undefined) await tellAll(file, batch, verdicts);
    underway = 0;
  };
  const flush = async (): Promise<void> => {
    const isBegun = begin();
    if (isBegun) await writeBatch();
    isDue = queue.length > 0;
    if (!isDue) for (const resolve of drained.splice(0)) resolve();
    else if (isBegun) setImmediate(flush);
    else setTimeout(flush, busyPauseMs);
  };

  return {
    write: <T>(unit: () => Unit<T>, { mayLag = never }: WriteOptions<T> = {}) =>
      new Promise<T>((resolve, reject) => {
        queue.push({
          unit,
          since: now(),
          mayLag: mayLag as (value: unknown) => boolean,
          resolve: resolve as (value: unknown) => void,
          reject,
        });
        if (isDue) return;
        isDue = true;
        setImmediate(flush);
      }),
    get pending() {
      return queue.length + underway;
    },
    drain: () => (isDue ? new Promise((resolve) => drained.push(resolve)) : Promise.resolve()),
  };
};
