/** The snmp transport: gets and walks are reads, a set is a write of all its values or of none. */
import type { SnmpEndpoint } from "../../model/endpoint.ts";
import type { SnmpSet, SnmpStep, StepAnswer } from "../../model/plan.ts";
import { quoted } from "../../model/preview-text.ts";
import { normaliseSnmp } from "../../model/snmp-step.ts";
import type { TransportKind } from "../kind.ts";
import type { Wire } from "../wire.ts";
import { otherValues, statusOf } from "./failures.ts";
import { asCause, type Request, SnmpLink } from "./link.ts";
import { addRow, emptyRows, type RawVarbind, toRaw } from "./values.ts";

const sysUpTime = "1.3.6.1.2.1.1.3.0";

/** The instance's one way to this agent. */
export const linkFor = (endpoint: SnmpEndpoint, { warm, around }: Wire): SnmpLink =>
  warm.connection(`snmp ${endpoint.name}`, ({ secrets }) => new SnmpLink(endpoint, { around, secrets }));

export const getRequest =
  (oids: readonly string[]): Request<readonly RawVarbind[]> =>
  (session, done) =>
    session.get([...oids], (error, found) => done(error, found as readonly RawVarbind[] | undefined));

const setRequest =
  (sets: readonly SnmpSet[]): Request<readonly RawVarbind[]> =>
  (session, done) =>
    session.set(sets.map(toRaw) as never, (error, found) => done(error, found as readonly RawVarbind[] | undefined));

const plainOf = (varbind: RawVarbind): string => {
  const rows = emptyRows("");
  addRow(rows, varbind);
  return JSON.stringify([rows.names, rows.values, rows.hex]);
};

/** The first object whose answer is another than what was set: an agent that did a set answers with what it was. */
const otherThanSet = (sets: readonly SnmpSet[], answered: readonly RawVarbind[]): string | undefined =>
  sets.find((set, at) => {
    const found = answered[at];
    return found === undefined || plainOf(found) !== plainOf(toRaw(set));
  })?.oid;

/** An agent that gives no answer to a question gets no write: whether that arrived could never be known. */
const requireAgent = async (link: SnmpLink, signal: AbortSignal): Promise<void> => {
  if (link.isFresh) return;
  await link.askInTime("read", getRequest([sysUpTime]), signal).catch((thrown: unknown) => {
    // An answer of any kind, even a refusal, is one.
    if (statusOf(thrown) === undefined) throw asCause(thrown, link);
  });
};

const send = async (step: SnmpStep, link: SnmpLink, wire: Wire): Promise<StepAnswer> => {
  const startedAt = wire.around.now();
  const ms = (): number => Math.round((wire.around.now() - startedAt) * 10) / 10;
  const set = step.set.map(({ oid, type, value }) => ({
    oid,
    type,
    value: typeof value === "object" ? { hex: value.hex } : value,
  }));
  try {
    const answered = await link.ask("write", setRequest(step.set), wire.signal);
    const other = otherThanSet(step.set, answered);
    if (other !== undefined) throw otherValues(link.endpoint, other);
    return { ok: true, status: 0, answer: { set, error: null }, ms: ms() };
  } catch (thrown) {
    const status = statusOf(thrown);
    if (status === undefined) throw asCause(thrown, link);
    return { ok: false, status, answer: { set, error: (thrown as Error).message }, ms: ms() };
  }
};

const prepare: TransportKind<SnmpEndpoint, SnmpStep>["prepare"] = async (step, endpoint, wire) => {
  const link = linkFor(endpoint, wire);
  await requireAgent(link, wire.signal);
  return { send: () => send(step, link, wire), done: () => undefined };
};

/** `SET <oid>` is that object, `SET <oid>.*` is all below it. */
const covers = (pattern: string, { oid }: SnmpSet): boolean => {
  const named = pattern.replace(/^SET \.?/, "");
  return named.endsWith(".*") ? oid.startsWith(named.slice(0, -1)) : oid === named;
};

const shownValue = (value: SnmpSet["value"]): string => {
  if (typeof value === "object") return `hex ${value.hex}`;
  return typeof value === "string" ? quoted(value) : String(value);
};
const shown = ({ oid, type, value }: SnmpSet): string => `${oid} = ${shownValue(value)} (${type})`;

export const snmpKind: TransportKind<SnmpEndpoint, SnmpStep> = {
  stepKeys: ["set"],
  normalise: normaliseSnmp,
  isRead: () => false,
  parts: (step) => step.set.map((set) => ({ ...step, set: [set] })),
  matchesWrite: (step, { pattern }) => typeof pattern === "string" && step.set.every((set) => covers(pattern, set)),
  prepare,
  preview: (step) => `SET ${step.set.map(shown).join("; ")}`,
};
