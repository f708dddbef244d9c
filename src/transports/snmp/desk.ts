/** The snmp operations of one driver call. */
import { SwitchyardError } from "../../errors.ts";
import type { SnmpEndpoint } from "../../model/endpoint.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { normaliseSnmp, oidOf } from "../../model/snmp-step.ts";
import { misshapen, refuseUnknown } from "../../model/step.ts";
import { type DeskFacts, endpointFor, msOf, type Operations } from "../desk.ts";
import type { Wire } from "../wire.ts";
import { getRequest, linkFor } from "./kind.ts";
import { asCause } from "./link.ts";
import { addRow, emptyRows, putBackRows, type WireRows } from "./values.ts";
import { walk, walkColumns } from "./walk.ts";

const mostNames = 500;
/** Names asked for in one request: an answer must fit into a packet. */
const namesAtOnce = 40;
const mostColumns = 100;
/** For a whole walk, unless the driver says otherwise. */
const walkMs = 60_000;

interface Read {
  readonly endpoint: SnmpEndpoint;
  readonly wire: Wire;
  /** Aborts with the call, and when its time is over. */
  readonly signal: AbortSignal;
}

const late = ({ host, port }: SnmpEndpoint, ms: number): SwitchyardError =>
  new SwitchyardError("response_timeout", {
    detail: `${host}:${port} answered, but not with everything that was asked for within ${Math.round(ms)} ms: ask for less at once, or allow more time.`,
  });

/** One read with its time limit; told when the job keeps its reads. */
const timed = async <T>(
  args: JsonObject,
  [what, facts]: readonly [what: string, facts: DeskFacts],
  work: (read: Read) => Promise<T>,
): Promise<T> => {
  const endpoint = endpointFor(args["transport"], "snmp", facts);
  const { now } = facts.wire.around;
  const timeoutMs = msOf(args["timeout_ms"], Math.max(walkMs, endpoint.timeoutMs * (endpoint.retries + 1)));
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(late(endpoint, timeoutMs)), timeoutMs);
  const startedAt = now();
  try {
    const signal = AbortSignal.any([facts.reads, clock.signal]);
    const answer = await work({ endpoint, wire: { ...facts.wire, signal: facts.reads }, signal });
    const ms = Math.round(now() - startedAt);
    const meta = { transport: endpoint.name, request: what, ms };
    facts.tell({ level: "debug", phase: "read", message: `${what}: answered in ${ms} ms`, meta });
    return answer;
  } finally {
    clearTimeout(timer);
  }
};

const namesOf = (raw: Json | undefined): readonly string[] => {
  if (Array.isArray(raw) && raw.length > 0 && raw.length <= mostNames) return raw.map(oidOf);
  throw misshapen(`Expected \`oids\` as a list of 1 to ${mostNames} object names.`);
};

const columnsOf = (raw: Json | undefined): readonly number[] => {
  const isColumn = (column: Json): column is number => Number.isInteger(column) && (column as number) > 0;
  if (Array.isArray(raw) && raw.length > 0 && raw.length <= mostColumns && raw.every(isColumn)) return raw;
  throw misshapen(`Expected \`columns\` as a list of 1 to ${mostColumns} column numbers.`);
};

const getAll = async (oids: readonly string[], { endpoint, wire, signal }: Read): Promise<WireRows> => {
  const link = linkFor(endpoint, wire);
  const rows = emptyRows("");
  for (let at = 0; at < oids.length; at += namesAtOnce) {
    const some = oids.slice(at, at + namesAtOnce);
    try {
      for (const varbind of await link.askInTime("read", getRequest(some), signal)) addRow(rows, varbind);
    } catch (thrown) {
      throw asCause(thrown, link);
    }
  }
  return rows;
};

const shown = (rows: WireRows, { wire }: Read): Json => putBackRows(rows, wire.secrets.putBack) as unknown as Json;

/** The operations `snmp.get`, `snmp.walk`, `snmp.table` and `snmp.set`. */
export const createSnmpDesk = (facts: DeskFacts): Operations => ({
  "snmp.get": async (args) => {
    refuseUnknown(args, ["transport", "oids", "timeout_ms"], "a get");
    const oids = namesOf(args["oids"]);
    return timed(args, [`GET ${oids.join(" ")}`, facts], async (read) => shown(await getAll(oids, read), read));
  },
  "snmp.walk": async (args) => {
    refuseUnknown(args, ["transport", "oid", "timeout_ms"], "a walk");
    const oid = oidOf(args["oid"]);
    return timed(args, [`WALK ${oid}`, facts], async (read) => {
      const { endpoint, wire, signal } = read;
      return shown(await walk(linkFor(endpoint, wire), oid, { signal, meter: wire.around.meter }), read);
    });
  },
  "snmp.table": async (args) => {
    refuseUnknown(args, ["transport", "oid", "columns", "timeout_ms"], "a table");
    const [oid, columns] = [oidOf(args["oid"]), columnsOf(args["columns"])];
    return timed(args, [`TABLE ${oid} ${columns.join(",")}`, facts], async (read) => {
      const { endpoint, wire, signal } = read;
      const found = await walkColumns(linkFor(endpoint, wire), oid, columns, { signal, meter: wire.around.meter });
      return found.map((rows) => shown(rows, read));
    });
  },
  "snmp.set": async ({ transport, timeout_ms: _, ...raw }) => {
    const endpoint = endpointFor(transport, "snmp", facts);
    return facts.write(normaliseSnmp(raw, endpoint), endpoint, {});
  },
});
