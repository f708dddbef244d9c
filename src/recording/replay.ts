/** Runs a driver on a recording: every call again, without network, and what came of it against what was recorded. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "../model/canonical.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { redactJson } from "../model/redact.ts";
import type { DriverEvent } from "../sdk/driver.ts";
import type { Door } from "../transports/contract.ts";
import { nearestOf } from "./difference.ts";
import type { RecordedCall, RecordedError, Recording } from "./format.ts";
import type { PackAtHand } from "./pack.ts";
import { type Actor, type CallRights, perform } from "./perform.ts";
import { createTape, openReplayDoor, type Tape } from "./player.ts";
import { recordedError } from "./recorder.ts";
import { createRuns, type Runs } from "./runs.ts";
import { parseCall } from "./script.ts";
import { type OpenSession, openDeadSession, type RunFacts } from "./session.ts";
import { callDriver, type Stage } from "./stage.ts";

/** One replayed call: what the driver makes of it now, and how that differs from then. */
export interface ReplayedCall {
  readonly call: string;
  readonly result?: Json;
  readonly error?: RecordedError;
  /** Empty when the outcome is the recorded one. */
  readonly differences: readonly string[];
}

/** The secrets of a replay: values that nobody knows, since their places alone matter. */
export const standInSecrets = (names: readonly string[]) =>
  names.map((name) => ({ name, value: `recorded-value-of-${name}` }));

export const replayFacts = ({ head }: Recording, pack: PackAtHand, now: () => number): RunFacts => ({
  manifest: pack.manifest,
  config: head.config,
  secrets: standInSecrets(head.secrets),
  now,
});

export interface ReplayOptions {
  readonly stage: Stage;
  readonly pack: PackAtHand;
  readonly recording: Recording;
  readonly now: () => number;
  readonly signal: AbortSignal;
  onEvent?(event: DriverEvent): void;
  /** Stands before the door of each call. */
  readonly before?: (door: Door) => Door;
}

/** What differs from run to run although nothing changed: how long something took. */
const isTiming = (name: string): boolean => /(?:^|_)latency_ms$|^(?:ms|duration_ms|at|driver_message)$/.test(name);
/** The steps of a plan are the driver's; how they are shown is the runner's, and gets better. */
const isRendering = (name: string, { steps }: JsonObject): boolean =>
  name === "preview" && Array.isArray(steps) && steps.length > 0;
const comparable = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  const document = value as JsonObject;
  const kept = Object.entries(document).filter(([name]) => !isTiming(name) && !isRendering(name, document));
  return Object.fromEntries(kept.map(([name, member]) => [name, comparable(member)]));
};

/** Where the outcome is another than it was; messages of errors may change, their codes may not. */
const outcomeOf = ({ result, error }: Pick<RecordedCall, "result" | "error">): Json =>
  error === undefined ? { result: comparable(result ?? null) } : { failed: error.code };

const differencesOf = (now: Omit<ReplayedCall, "differences">, recorded: RecordedCall): readonly string[] => {
  const [ours, theirs] = [outcomeOf(now), outcomeOf(recorded)];
  if (canonicalJson(ours) === canonicalJson(theirs)) return [];
  if (now.error !== undefined) return [`${now.error.code}: ${now.error.message}`];
  return nearestOf(ours, [theirs])?.differences ?? [];
};

/** A driver whose questions a tape answers. */
export const actorOf = (
  options: Omit<ReplayOptions, "recording" | "now"> & { readonly config: JsonObject },
  open: OpenSession,
  tape: Tape,
): Actor => {
  const { stage, pack, config, signal, before = (door: Door) => door } = options;
  const { session } = open;
  return {
    manifest: pack.manifest,
    language: pack.language,
    session,
    call: async (method: string, args: JsonObject, rights: CallRights) => {
      const door = before(openReplayDoor({ open, tape, signal }, rights));
      const heard = options.onEvent === undefined ? {} : { onEvent: options.onEvent };
      const value = await callDriver(stage, { pack, session, config, door, method, args, signal, ...heard });
      return { value, door };
    },
  };
};

/** One call of a recording with a driver. @throws SwitchyardError what the job would fail with. */
export const replayCall = (options: ReplayOptions, open: OpenSession, recorded: RecordedCall, runs?: Runs) =>
  perform(
    actorOf({ ...options, config: options.recording.head.config }, open, createTape(recorded)),
    parseCall(recorded.call),
    runs,
  );

/** Replays every call in its order. */
export const replay = async (options: ReplayOptions): Promise<readonly ReplayedCall[]> => {
  const open = openDeadSession(replayFacts(options.recording, options.pack, options.now));
  const { redact } = open.book;
  const replayed: ReplayedCall[] = [];
  const runs = createRuns();
  for (const recorded of options.recording.calls) {
    if (options.signal.aborted) throw new SwitchyardError("job_cancelled", { detail: "The replay was interrupted." });
    let outcome: Omit<ReplayedCall, "differences">;
    try {
      const result = await replayCall(options, open, recorded, runs);
      outcome = { call: recorded.call, result: redactJson(redact, result) };
    } catch (thrown) {
      outcome = { call: recorded.call, error: recordedError(thrown, redact) };
    }
    replayed.push({ ...outcome, differences: differencesOf(outcome, recorded) });
  }
  open.close();
  return replayed;
};
