/** Records what passes between a driver and its device, while the real transports carry it. */
import { asSwitchyardError } from "../errors.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Step } from "../model/plan.ts";
import { redactJson } from "../model/redact.ts";
import type { DriverEvent } from "../sdk/driver.ts";
import type { Door, Journal } from "../transports/contract.ts";
import { recordedAnswer, recordedRequest } from "../transports/record.ts";
import type { Exchange, RecordedCall, RecordedError } from "./format.ts";
import { grantOf } from "./grant.ts";
import type { PackAtHand } from "./pack.ts";
import { type Actor, type CallRights, perform } from "./perform.ts";
import { createRuns } from "./runs.ts";
import type { AskedCall } from "./script.ts";
import type { OpenSession } from "./session.ts";
import { callDriver, type Stage } from "./stage.ts";
import { wantedOf } from "./wanted.ts";

export interface Recorder {
  /** Does one call and writes down all that passed. An error ends the call, not the recording. */
  record(text: string, asked: AskedCall): Promise<RecordedCall>;
}

/** What a driver says while it is called: a line, its progress, a file. */
export type Said = DriverEvent;

export interface RecorderFacts {
  readonly stage: Stage;
  readonly pack: PackAtHand;
  readonly config: JsonObject;
  readonly open: OpenSession;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Hears what the driver says meanwhile, as it says it. */
  onEvent?(event: Said): void;
}

/** As long as a job of that kind may take: what hangs is not waited for longer than it ever would be. */
const testTimeoutMs = 60_000;

/** How an error is written down: its message may name what a secret was. */
export const recordedError = (thrown: unknown, redact: (text: string) => string): RecordedError => {
  const { code, message, details } = asSwitchyardError(thrown, "driver_failed");
  const document = redactJson(redact, JSON.parse(JSON.stringify(details)) as JsonObject);
  return { code, message: redact(message), ...(Object.keys(document).length === 0 ? {} : { details: document }) };
};

/** The exchanges of one call, in the order in which they were asked. */
class Notes {
  readonly exchanges: Exchange[] = [];
  private readonly facts: RecorderFacts;
  private steps = 0;
  private readonly nextSeq: () => number;

  constructor(facts: RecorderFacts, nextSeq: () => number) {
    this.facts = facts;
    this.nextSeq = nextSeq;
  }

  private get redact() {
    return this.facts.open.book.redact;
  }

  /** A place in the order, filled when the answer is there. */
  private place(): number {
    this.exchanges.push({ seq: this.nextSeq(), transport: "", request: null, ms: 0 });
    return this.exchanges.length - 1;
  }

  private fill(at: number, more: Partial<Exchange>): void {
    const before = this.exchanges[at];
    if (before !== undefined) this.exchanges[at] = { ...before, ...more };
  }

  async read(transport: string, request: JsonObject, ask: () => Promise<unknown>): Promise<unknown> {
    const { now } = this.facts;
    const at = this.place();
    const startedAt = now();
    const ms = (): number => Math.round(now() - startedAt);
    this.fill(at, { transport, request: recordedRequest(request as unknown as Step, this.redact) });
    try {
      const answer = ((await ask()) ?? null) as Json;
      this.fill(at, {
        answer: recordedAnswer({ ok: true, status: null, answer, ms: 0 }, this.redact).answer,
        ms: ms(),
      });
      return answer;
    } catch (thrown) {
      this.fill(at, { error: recordedError(thrown, this.redact), ms: ms() });
      throw thrown;
    }
  }

  /** The journal of a call is the record of its writes. */
  journal(): Pick<Journal, "sent" | "answered"> {
    const places = new Map<number, number>();
    return {
      sent: async ({ index, transport, request }) => {
        const at = this.place();
        places.set(index, at);
        this.fill(at, { transport, request, step: this.steps });
        this.steps += 1;
      },
      answered: async (index, { ok, status, answer, ms }) => {
        this.fill(places.get(index) ?? -1, { answer, ok, status, ms: Math.round(ms) });
      },
    };
  }

  /** A write that was sent and got no answer: the error that the driver saw. */
  failWrites(thrown: unknown): void {
    for (const [at, { step, answer, error }] of this.exchanges.entries()) {
      if (step !== undefined && answer === undefined && error === undefined)
        this.fill(at, { error: recordedError(thrown, this.redact) });
    }
  }
}

/** The same door, with everything that passes it written down. */
const listeningDoor = (door: Door, notes: Notes, facts: RecorderFacts): Door => {
  const { binding, book } = facts.open;
  const ask = async (op: string, args: unknown): Promise<unknown> => {
    const wanted = wantedOf(op, args, { binding, book });
    if (wanted.kind === "read") return notes.read(wanted.transport, wanted.request, () => door.ask(op, args));
    return door.ask(op, args).catch((thrown: unknown) => {
      notes.failWrites(thrown);
      throw thrown;
    });
  };
  return {
    // What has the wrong shape is refused by the door itself, in its own words.
    ask: (op, args) => ask(op, args),
    close: (error) => door.close(error),
    settled: () => door.settled(),
    get refusal() {
      return door.refusal;
    },
    get lastFailure() {
      return door.lastFailure;
    },
    get stepsDone() {
      return door.stepsDone;
    },
    get stepsLeft() {
      return door.stepsLeft;
    },
    get unknownStep() {
      return door.unknownStep;
    },
    get failedStep() {
      return door.failedStep;
    },
  };
};

const actorOf = (facts: RecorderFacts, notes: Notes, limit: { readonly timeoutMs?: number }): Actor => {
  const { stage, pack, config, open, signal } = facts;
  return {
    manifest: pack.manifest,
    language: pack.language,
    session: open.session,
    call: async (method: string, args: JsonObject, rights: CallRights) => {
      const door = open.session.door(grantOf(rights, { signal, journal: notes.journal() }));
      const listening = listeningDoor(door, notes, facts);
      const value = await callDriver(stage, {
        pack,
        session: open.session,
        config,
        door: listening,
        method,
        args,
        signal,
        onEvent: (event) => facts.onEvent?.(event),
        ...limit,
      });
      return { value, door };
    },
  };
};

export const createRecorder = (facts: RecorderFacts): Recorder => {
  const { redact } = facts.open.book;
  let seq = 0;
  const runs = createRuns();
  return {
    record: async (text, asked) => {
      const notes = new Notes(facts, () => {
        seq += 1;
        return seq;
      });
      const limit = asked.kind === "test" ? { timeoutMs: testTimeoutMs } : {};
      try {
        const result = await perform(actorOf(facts, notes, limit), asked, runs);
        return { call: text, exchanges: notes.exchanges, result: redactJson(redact, result) };
      } catch (thrown) {
        return { call: text, exchanges: notes.exchanges, error: recordedError(thrown, redact) };
      }
    },
  };
};
