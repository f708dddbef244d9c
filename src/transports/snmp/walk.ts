/** Reads everything below a name, a bulk at a time, and notices agents that go round in circles. */
import type { Session, Varbind } from "net-snmp";
import { SwitchyardError } from "../../errors.ts";
import type { Meter } from "../meter.ts";
import { isNoSuchName, isTooBig, nothingSaid, notIncreasing } from "./failures.ts";
import { asCause, type Request, type SnmpLink } from "./link.ts";
import { addRow, emptyRows, isLater, objectTypes, type RawVarbind, type WireRows } from "./values.ts";

const mostRows = 100_000;
/** What a row takes in memory, roughly. */
const rowBytes = 96;

export interface WalkLimits {
  readonly signal: AbortSignal;
  readonly meter: Meter;
  /** Rows that may still come; several columns share them. */
  readonly room?: number;
}

type Bulk = readonly RawVarbind[];

const bulkRequest =
  (oid: string, count: number): Request<unknown> =>
  (session: Session, done) =>
    session.getBulk([oid], 0, count, ((error: Error | null, found: unknown) => done(error, found)) as never);

const nextRequest =
  (oid: string): Request<unknown> =>
  (session, done) =>
    session.getNext([oid], (error, found: Varbind[] | undefined) => done(error, found));

/** What follows a name; empty where version 1 says that nothing does. */
const following = async (link: SnmpLink, oid: string, count: number, signal: AbortSignal): Promise<Bulk> => {
  if (link.endpoint.version === "1") {
    try {
      return (await link.ask("read", nextRequest(oid), signal)) as Bulk;
    } catch (thrown) {
      if (isNoSuchName(thrown)) return [];
      throw thrown;
    }
  }
  const [rows = []] = (await link.askInTime("read", bulkRequest(oid, count), signal)) as readonly Bulk[];
  if (rows.length === 0) throw nothingSaid(link.endpoint, oid);
  return rows;
};

/** Asks for fewer rows at once when the agent says that its answer does not fit. */
const followingThatFits = async (
  link: SnmpLink,
  oid: string,
  state: { count: number },
  signal: AbortSignal,
): Promise<Bulk> => {
  for (;;) {
    try {
      return await following(link, oid, state.count, signal);
    } catch (thrown) {
      if (!isTooBig(thrown) || state.count === 1) throw asCause(thrown, link);
      state.count = Math.max(1, state.count >> 1);
    }
  }
};

/** Where the walk goes on after these rows; null when they are its end. */
const nextAfter = (found: Bulk, base: string): string | null => {
  const last = found.at(-1);
  const isEnd = last === undefined || last.type === objectTypes.endOfMibView || !last.oid.startsWith(base);
  return isEnd ? null : last.oid;
};

/** Takes what lies below the base. @throws SwitchyardError `device_error` when the names do not increase. */
const takeRows = (found: Bulk, rows: WireRows, before: string, link: SnmpLink): void => {
  let current = before;
  for (const varbind of found) {
    if (varbind.type === objectTypes.endOfMibView || !varbind.oid.startsWith(rows.base)) return;
    if (!isLater(varbind.oid, current)) throw notIncreasing(link.endpoint, current, varbind.oid);
    addRow(rows, varbind);
    current = varbind.oid;
  }
};

const tooMany = (base: string): SwitchyardError =>
  new SwitchyardError("response_too_large", {
    detail: `The walk of ${base} has more than ${mostRows} values: ask for less at once.`,
  });

/**
 * All values below `oid`. The next ones are asked for before these are looked at, so that agent and runner work at the
 * same time.
 * @throws SwitchyardError with the cause; then nothing of the walk is used.
 */
export const walk = async (
  link: SnmpLink,
  oid: string,
  { signal, meter, room = mostRows }: WalkLimits,
): Promise<WireRows> => {
  const rows = emptyRows(`${oid}.`);
  const state = { count: link.endpoint.maxRepetitions };
  const ask = (after: string): Promise<Bulk> => {
    const asked = followingThatFits(link, after, state, signal);
    // Not waited for when the rows before it turn out to be no good.
    asked.catch(() => undefined);
    return asked;
  };
  let taken = 0;
  try {
    let last = oid;
    for (let pending: Promise<Bulk> | null = ask(oid); pending !== null; ) {
      const found: Bulk = await pending;
      const next = nextAfter(found, rows.base);
      pending = next === null || !isLater(next, last) ? null : ask(next);
      meter.take(found.length * rowBytes);
      taken += found.length;
      takeRows(found, rows, last, link);
      last = next ?? last;
      if (rows.names.length > room) throw tooMany(oid);
    }
    return rows;
  } finally {
    meter.give(taken * rowBytes);
  }
};

/** The columns of a table, one walk each; rows are told apart by all that stands behind the column in a name. */
export const walkColumns = async (
  link: SnmpLink,
  entry: string,
  columns: readonly number[],
  limits: WalkLimits,
): Promise<WireRows[]> => {
  const found: WireRows[] = [];
  let room = mostRows;
  for (const column of columns) {
    const rows = await walk(link, `${entry}.${column}`, { ...limits, room });
    room -= rows.names.length;
    found.push(rows);
  }
  return found;
};
