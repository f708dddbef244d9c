/** What a driver does when it is cancelled, when a device lies, and when there is very much of everything. */
import { asSwitchyardError, SwitchyardError } from "../../errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { inventoryTargets } from "../../model/manifest.ts";
import type { RecordedCall } from "../../recording/format.ts";
import { replayCall, replayFacts } from "../../recording/replay.ts";
import { parseCall } from "../../recording/script.ts";
import { openDeadSession } from "../../recording/session.ts";
import type { Door } from "../../transports/contract.ts";
import {
  type Check,
  type CheckBench,
  failed,
  missing,
  notApplicable,
  type Outcome,
  passed,
  type Replayed,
  type Verdict,
  verdictOf,
} from "../check.ts";
import { formsOf, grownAnswer, hostileMutations } from "../mutations.ts";
import { grownTable } from "../snmp-rows.ts";

type Ask = Door["ask"];
type Around = (ask: Ask) => Ask;

/** The same door with something between it and the driver. */
const withAsk = (door: Door, around: Around): Door => {
  const ask = around((op, args) => door.ask(op, args));
  return new Proxy(door, {
    get: (target, name) => {
      if (name === "ask") return ask;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
};

interface Played {
  readonly one: Replayed;
  readonly call: RecordedCall;
}

/** One recorded call with something between the driver and its recording. */
const play = async (bench: CheckBench, { one, call }: Played, around: Around, signal = bench.signal): Promise<Json> => {
  const { stage, pack, now } = bench;
  const open = openDeadSession(replayFacts(one.recording, pack, now));
  const before = (door: Door): Door => withAsk(door, around);
  try {
    return await replayCall({ stage, pack, recording: one.recording, now, signal, before }, open, call);
  } finally {
    open.close();
  }
};

/** One recorded call of each kind and target type, so that nothing is tried twice. */
const examples = ({ replayed }: CheckBench, kinds: readonly string[]): readonly Played[] => {
  const found = new Map<string, Played>();
  for (const one of replayed) {
    for (const call of one.recording.calls) {
      const asked = parseCall(call.call);
      const key = "action" in asked ? `${asked.kind} ${asked.action.capability}` : call.call;
      if (kinds.includes(asked.kind) && call.error === undefined && !found.has(key)) found.set(key, { one, call });
    }
  }
  return [...found.values()];
};

const cancelMs = 1_000;
const cancelled = (): SwitchyardError => new SwitchyardError("job_cancelled");

/** Never answers from this question on, until the call is cancelled: as a device that is slow. */
const stuckAt =
  (isReached: (op: string) => boolean, signal: AbortSignal, onStuck: () => void): Around =>
  (ask) =>
  (op, args) => {
    if (!isReached(op)) return ask(op, args);
    onStuck();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(cancelled()), { once: true }));
  };

const cancelOne = async (bench: CheckBench, played: Played): Promise<string[]> => {
  const { now } = bench;
  const controller = new AbortController();
  let hasWritten = parseCall(played.call.call).kind !== "run";
  let abortedAt: number | undefined;
  const isReached = (op: string): boolean => {
    if (hasWritten) return true;
    // An apply is cancelled while it follows what it began.
    if (op === "apply") hasWritten = true;
    return false;
  };
  const stop = (): void => {
    abortedAt ??= now();
    setImmediate(() => controller.abort(cancelled()));
  };
  try {
    await play(bench, played, stuckAt(isReached, controller.signal, stop), controller.signal);
    // A driver that asks nothing after its write has nothing to be cancelled in.
    return abortedAt === undefined ? [] : [`${played.call.call}: it was cancelled and answered all the same`];
  } catch (thrown) {
    if (abortedAt === undefined) return [`${played.call.call}: ${asSwitchyardError(thrown).message}`];
    const ms = Math.round(now() - abortedAt);
    return ms <= cancelMs ? [] : [`${played.call.call}: it went on for ${ms} ms after the cancel`];
  }
};

const cancels = async (bench: CheckBench): Promise<Verdict> => {
  const calls = examples(bench, ["test", "inventory", "run"]);
  if (calls.length === 0) return missing("there are no recorded calls");
  const faults: string[] = [];
  for (const played of calls) faults.push(...(await cancelOne(bench, played)));
  return verdictOf(faults);
};

/** A fault of the driver itself, not one that it names. */
const isOwnFault = ({ code }: SwitchyardError): boolean =>
  ["driver_failed", "internal", "sandbox_crashed", "sandbox_out_of_memory", "timed_out"].includes(code);

const survive = async (bench: CheckBench, played: Played): Promise<string[]> => {
  const faults: string[] = [];
  for (const { name, mutate, isOnce } of hostileMutations) {
    let told = 0;
    const lie: Around = (ask) => async (op, args) => {
      const answer = (await ask(op, args)) as Json;
      told += 1;
      return isOnce && told > 1 ? answer : mutate(answer);
    };
    try {
      await play(bench, played, lie);
    } catch (thrown) {
      const error = asSwitchyardError(thrown, "driver_failed");
      if (isOwnFault(error)) faults.push(`${played.call.call}, ${name}: ${error.code}: ${error.message.slice(0, 160)}`);
    }
  }
  return faults;
};

const hostile = async (bench: CheckBench): Promise<Verdict> => {
  const calls = examples(bench, ["test", "inventory", "plan", "read"]);
  if (calls.length === 0) return missing("there are no recorded calls");
  const faults: string[] = [];
  for (const played of calls) faults.push(...(await survive(bench, played)));
  return verdictOf(faults);
};

const manyTargets = 10_000;

const lengthOf = (result: Json | undefined): number => (Array.isArray(result) ? result.length : 0);

/** What could be made longer while a call was played. */
interface Grown {
  /** Forms of items in the lists of documents. */
  readonly forms: Set<string>;
  hasRows: boolean;
}

/** How many targets a call lists when the lists it is answered with are as long as can be. */
const countGrown = async (bench: CheckBench, played: Played, seen: Grown, only?: string): Promise<number> => {
  const grow: Around = (ask) => async (op, args) => {
    const answer = (await ask(op, args)) as Json;
    for (const form of formsOf(answer)) seen.forms.add(form);
    const rows = grownTable(args as JsonObject, answer);
    seen.hasRows ||= rows !== undefined;
    return rows ?? grownAnswer(answer, (form) => only === undefined || form === only) ?? answer;
  };
  return lengthOf(await play(bench, played, grow));
};

/** Where one list holds things of many kinds, each kind by itself makes it long. */
const mostGrown = async (bench: CheckBench, played: Played, seen: Grown): Promise<number> => {
  let most = await countGrown(bench, played, seen);
  for (const only of seen.forms) {
    if (most >= manyTargets) break;
    most = Math.max(most, await countGrown(bench, played, seen, only));
  }
  return most;
};

/** Names on a device may have a form of which there are not so many: its driver takes no copy for a target. */
const tookNoRow = ({ forms, hasRows }: Grown, most: number, recorded: number): boolean =>
  forms.size === 0 && hasRows && most <= recorded;

const growOne = async (bench: CheckBench, played: Played): Promise<Verdict> => {
  const { call, result } = played.call;
  if (lengthOf(result) >= manyTargets) return passed;
  const seen: Grown = { forms: new Set(), hasRows: false };
  try {
    const most = await mostGrown(bench, played, seen);
    if (most >= manyTargets) return passed;
    if (tookNoRow(seen, most, lengthOf(result)))
      return notApplicable(`${call}: it takes no copy of a row for a target`);
    return seen.forms.size > 0 || seen.hasRows
      ? failed(`${call}: expected ${manyTargets} targets, got ${most}; record a device that has so many`)
      : notApplicable(`${call}: its answers hold no list that could be made longer`);
  } catch (thrown) {
    const { code, message } = asSwitchyardError(thrown);
    return failed(`${call}: ${code}: ${message.slice(0, 160)}`);
  }
};

const many = async (bench: CheckBench): Promise<Verdict> => {
  if (inventoryTargets(bench.pack.manifest).length === 0) return notApplicable("it lists no targets");
  const calls = examples(bench, ["inventory"]).filter(({ call }) => lengthOf(call.result) > 0);
  if (calls.length === 0) return missing("no inventory with targets is recorded");
  const verdicts: Verdict[] = [];
  for (const played of calls) verdicts.push(await growOne(bench, played));
  const told = (asked: Outcome): string =>
    verdicts.flatMap(({ outcome, detail }) => (outcome === asked ? [detail] : [])).join("; ");
  if (verdicts.some(({ outcome }) => outcome === "failed")) return failed(told("failed"));
  return verdicts.some(({ outcome }) => outcome === "passed") ? passed : notApplicable(told("not_applicable"));
};

export const stressChecks: readonly Check[] = [
  { name: "cancels", title: "A cancel ends its calls within a second", run: cancels },
  { name: "hostile_answers", title: "Answers that no device should give end in an error with a name", run: hostile },
  { name: "many_targets", title: "Ten thousand targets are listed", run: many },
];
