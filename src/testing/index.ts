/** `switchyard/testing`: what the author of a pack tests with. */
import { SwitchyardError } from "../errors.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { readPack } from "../recording/pack.ts";
import { perform } from "../recording/perform.ts";
import type { Tape } from "../recording/player.ts";
import { type NamedRecording, readRecordings } from "../recording/recordings.ts";
import { actorOf, type ReplayedCall, replay, replayCall, replayFacts, standInSecrets } from "../recording/replay.ts";
import { parseCall } from "../recording/script.ts";
import { openDeadSession } from "../recording/session.ts";
import { openStage } from "../recording/stage.ts";

export type { RecordedError } from "../recording/format.ts";
export type { ReplayedCall } from "../recording/replay.ts";

/** Answers in the place of a device. Requests look as they do in a recording. */
export interface Simulated {
  readonly config: JsonObject;
  /** Names of the secrets that are set. */
  readonly secrets?: readonly string[];
  /**
   * What a read is answered with: for http `{status, headers, body, latency_ms}`. What it throws, the driver gets.
   * @example answer: ({ path }) => ({ status: 200, headers: {}, body: path === "/version" ? "{}" : "[]", latency_ms: 1 })
   */
  answer(request: JsonObject): Json;
}

/** A pack with its driver in a sandbox, and no network. */
export interface PackUnderTest {
  /** Names of its recordings, `recordings/<name>`. */
  readonly recordings: readonly string[];
  /**
   * Every call of a recording again (of all of them without a name). `differences` of a call is empty when the driver
   * does what it did.
   */
  replay(name?: string): Promise<readonly ReplayedCall[]>;
  /**
   * What the driver answers to one call: `inventory_list type=vm`, `plan vm.lifecycle start vm/100`. It is answered from
   * the first recording that has this call, or by `simulated`.
   * @throws the error that a job would fail with: `code`, `message`, `details`.
   */
  call(call: string, simulated?: Simulated): Promise<Json>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const named = (recordings: readonly NamedRecording[], name: string | undefined): readonly NamedRecording[] => {
  const found = recordings.filter((one) => name === undefined || one.name === name);
  if (found.length > 0) return found;
  const known = recordings.map((one) => one.name).join(", ");
  const detail =
    known === ""
      ? "The pack has no recordings: make one with `switchyard record`."
      : `There is no recording ${name}: expected one of ${known}.`;
  throw new SwitchyardError("recording_invalid", { detail });
};

const recordedCall = (recordings: readonly NamedRecording[], text: string) => {
  for (const { recording } of recordings) {
    const call = recording.calls.find((one) => one.call === text);
    if (call !== undefined) return { recording, call };
  }
  throw new SwitchyardError("recording_mismatch", {
    detail: `No recording has the call ${JSON.stringify(text)}: record it, or say how it is answered.`,
  });
};

/** The reads of a call, answered by a function. */
const simulatedTape = ({ answer }: Simulated): Tape => ({
  read: (request) => ({ seq: 0, transport: "", request, answer: answer(request as JsonObject), ms: 0 }),
  writes: [],
});

/**
 * Opens the pack in a folder. To be closed, or held with `await using`.
 * @param folder of the pack: `import.meta.dirname` in a test beside its manifest.
 * @example await using pack = await openPack(import.meta.dirname);
 */
export const openPack = async (folder: string): Promise<PackUnderTest> => {
  const now = Date.now;
  const pack = await readPack(folder);
  const stage = await openStage({ now });
  const recordings = readRecordings(folder);
  const { signal } = new AbortController();

  const simulate = async (text: string, simulated: Simulated): Promise<Json> => {
    const { config, secrets = [] } = simulated;
    const open = openDeadSession({ manifest: pack.manifest, config, secrets: standInSecrets(secrets), now });
    try {
      const actor = actorOf({ stage, pack, config, signal }, open, simulatedTape(simulated));
      return await perform(actor, parseCall(text));
    } finally {
      open.close();
    }
  };
  const play = async (text: string): Promise<Json> => {
    const { recording, call } = recordedCall(recordings, text);
    const open = openDeadSession(replayFacts(recording, pack, now));
    try {
      return await replayCall({ stage, pack, recording, now, signal }, open, call);
    } finally {
      open.close();
    }
  };
  return {
    recordings: recordings.map(({ name }) => name),
    replay: async (name) => {
      const calls: ReplayedCall[] = [];
      for (const { recording } of named(recordings, name)) {
        calls.push(...(await replay({ stage, pack, recording, now, signal })));
      }
      return calls;
    },
    call: (text, simulated) => (simulated === undefined ? play(text) : simulate(text, simulated)),
    close: () => stage.close(),
    [Symbol.asyncDispose]: () => stage.close(),
  };
};
