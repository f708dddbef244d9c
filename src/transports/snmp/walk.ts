/** Reads everything below a name, a bulk at a time, and notices agents that go round in circles. */
import type { Session, Varbind } from "net-snmp";
import { SwitchyardError } from "../../errors.ts";
import type { Meter } from "../meter.ts";
import { isNoSuchName, isTooBig, notIncreasing } from "./failures.ts";
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

/** Takes what lies below the base; answers the last name, or null when the walk is at its end. */
const takeRows = (found: Bulk, rows: WireRows, last: string, link: SnmpLink): string | null => {
  let current = last;
  for (const varbind of found) {
    const isEnd = varbind.type === objectTypes.endOfMibView || !varbind.oid.startsWith(rows.base);
    if (isEnd) return null;
    if (!isLater(varbind.oid, current)) throw notIncreasing(link.endpoint, current, varbind.oid);
    addRow(rows, varbind);
    current = varbind.oid;
  }
  return found.length === 0 ? null : current;
};

const tooMany = (base: string): SwitchyardError =>
  new SwitchyardError("response_too_large", {
    detail: `The walk of ${base} has more than ${mostRows} values: ask for less at once.`,
  });

/** All values below `oid`. @throws SwitchyardError with the cause; then nothing of the walk is used. */
export const walk = async (
  link: SnmpLink,
  oid: string,
  { signal, meter, room = mostRows }: WalkLimits,
): Promise<WireRows> => {
  const rows = emptyRows(`${oid}.`);
  const state = { count: link.endpoint.maxRepetitions };
  let taken = 0;
  try {
    for (let last: string | null = oid; last !== null; ) {
      const found = await followingThatFits(link, last, state, signal);
      meter.take(found.length * rowBytes);
      taken += found.length;
      last = takeRows(found, rows, last, link);
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
