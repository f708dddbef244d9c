/** The seam between transports and the rest of the worker: sessions, doors, grants and the journal. */
import type { SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Capability, Defaults } from "../model/manifest.ts";
import type { JournalEntry, Step, StepAnswer } from "../model/plan.ts";
import type { Redactor } from "../model/redact.ts";
import type { TargetRef } from "../model/target.ts";
import type { Mode } from "./wire.ts";

/** A host key by its type and its SHA-256 fingerprint, `SHA256:<base64>`. */
export interface HostKey {
  readonly type: string;
  readonly fingerprint: string;
}

/** What an instance knows about the host keys of its devices, by place (`host:port`). */
export interface HostKeys {
  /** Keys that were trusted or seen there, the trusted one first. */
  known(place: string): Promise<readonly HostKey[]>;
  /**
   * Notes that a device shows this key, and resolves with the trusted one: the first that was ever seen there is
   * trusted, unless the config says which key to trust (`isPinned`).
   */
  meet(place: string, key: HostKey, isPinned: boolean): Promise<HostKey>;
}

export interface BoundInstance {
  readonly instanceId: string;
  /** Instance, config revision, release and versions of its secrets: all else here follows from it. */
  readonly key: string;
  /** The key of an open session with the same connection, when this one differs by secrets of an action alone. */
  readonly sharesWith?: string;
  readonly binding: Binding;
  readonly secrets: readonly { readonly name: string; readonly value: string; readonly version: number }[];
  readonly defaults: Defaults;
  /** The pack may hold real values (`secrets:raw`). */
  readonly rawSecrets: boolean;
  /** Without one, host keys are remembered as long as the connections are. */
  readonly hostKeys?: HostKeys;
}

/** The durable record of a job's writes. */
export interface Journal {
  readonly earlier: readonly JournalEntry[];
  /** Resolves when it is durable; throws when this attempt may not write any more. */
  sent(entry: {
    readonly index: number;
    readonly transport: string;
    readonly request: Json;
    readonly idempotent: boolean;
  }): Promise<void>;
  answered(index: number, answer: StepAnswer): Promise<void>;
}

/** An event about a request, for the job's log. */
export interface DoorEvent {
  readonly level: "info" | "debug" | "warn";
  readonly message: string;
  readonly meta: JsonObject;
  /** `output`: what a command says while it runs. */
  readonly phase: "write" | "read" | "output";
}

/** What one driver call may do. */
export interface Grant {
  readonly mode: Mode;
  readonly capability?: Capability;
  readonly verb?: string;
  readonly target?: TargetRef;
  /** The plan's steps, for `apply`. */
  readonly steps: readonly Step[];
  readonly journal: Journal;
  /** Throws when this attempt may not write any more. */
  fence(): void;
  /** Throws when the event cannot be kept: then the write is refused. */
  record(event: DoorEvent): void;
  readonly signal: AbortSignal;
  /** How long a write in flight may go on after a cancel. */
  readonly graceMs: number;
  readonly debug: boolean;
}

/** One driver call's way to its instance. */
export interface Door {
  /** `http.request`, `ssh.run|shell|put`, `snmp.get|walk|table|set`, `tcp.open|send|read_until|close|probe`, `apply` ... */
  ask(op: string, args: unknown): Promise<unknown>;
  /** Lets nothing new through; reads end at once, a write in flight has its grace. */
  close(error?: SwitchyardError): void;
  /** Resolves when no write is in flight any more: only then are the counts below final. */
  settled(): Promise<void>;
  /** The first refused call: the job fails with it whatever the driver returns. */
  readonly refusal: SwitchyardError | null;
  /** The last failed contact, or what the last http answer hints at; `null` after a good answer. */
  readonly lastFailure: SwitchyardError | null;
  readonly stepsDone: number;
  readonly stepsLeft: number;
  /** A write that was sent, not answered, and may not be repeated. */
  readonly unknownStep: number | null;
  /** The answer that is no success and ended the writes, as an error. */
  readonly failedStep: SwitchyardError | null;
}

export interface Session {
  /** Secret name to handle, or to the value with `secrets:raw`. */
  readonly handles: Readonly<Record<string, string>>;
  readonly redact: Redactor;
  door(grant: Grant): Door;
  /**
   * A driver's proposed steps in the form that is stored and sent.
   * @throws SwitchyardError `plan_deviation`, `endpoint_not_allowed`, `handle_misplaced`, `driver_failed`.
   */
  normaliseSteps(
    raw: unknown,
    rights: { readonly capability: Capability; readonly verb: string; readonly target: TargetRef },
  ): readonly Step[];
  preview(steps: readonly Step[]): string[];
}
