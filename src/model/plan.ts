/** Plans: what an action would do, and its writes in order. Documents keep the wire's snake_case: they are hashed as they are. */
import type { Json, JsonObject } from "./json.ts";
import type { TargetRef } from "./target.ts";

/** Takes a value from the answer of an earlier step: `match` must hold, the result is a short string or an integer. */
export interface StepRef {
  /** Which of the steps before, from 0. */
  readonly step: number;
  /** JSON Pointer into the answer's body. */
  readonly at: string;
  /** A regular expression that the whole value must match. */
  readonly match: string;
}

interface StepCommon {
  /** The transport's name in the manifest: `http`, `http.legacy`, `tcp` ... */
  readonly transport: string;
  /** Whether it may be sent once more when its answer was lost; default: as the capability says. */
  readonly idempotent?: boolean;
  /** Values taken from answers of steps before, by the place they go to: `/json/...`, `/query/<n>/1`, `/path/<n>`. */
  readonly refs?: Readonly<Record<string, StepRef>>;
}

/** One HTTP write. Exactly what is absent here is absent on the wire. */
export interface HttpStep extends StepCommon {
  /** POST, PUT, PATCH, DELETE ... */
  readonly method: string;
  /** Relative to the endpoint's base. */
  readonly path: string;
  /** In this order. */
  readonly query?: readonly (readonly [string, string])[];
  /** Beside those of the manifest, none of which may be named again. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A body of JSON. */
  readonly json?: Json;
  /** A body of URL-encoded fields, in this order. */
  readonly form?: readonly (readonly [string, string])[];
  /** A body of parts. */
  readonly multipart?: readonly JsonObject[];
  /** A body of text. */
  readonly text?: string;
  /** A body of bytes, in base64. */
  readonly base64?: string;
  /** Of `text` and `base64`. */
  readonly content_type?: string;
  /** Statuses that count as success beside 2xx. */
  readonly accept?: readonly number[];
}
/** A line; or lines that the device takes together before it answers, such as a command and its block of data. */
export type TcpLine = string | readonly string[];
/** Lines sent over one tcp session; each entry waits for one line of answer. */
export interface TcpStep extends StepCommon {
  /** In this order, each without its line end. */
  readonly send: readonly TcpLine[];
}
/** What is said when a device asks back: `match` is a regular expression over the end of its output. */
export interface SshAnswer {
  /** A regular expression over the end of the output. */
  readonly match: string;
  /** What is said. */
  readonly send: string;
  /** False: no line end is sent behind it. */
  readonly enter?: false;
}
/** Commands run one after the other, or one file put. */
export interface SshStep extends StepCommon {
  /** In this order; the first that fails ends the step. */
  readonly commands?: readonly string[];
  /** What is said when the device asks back: then the commands are lines of one shell. */
  readonly answers?: readonly SshAnswer[];
  /** Fed to the command, of which there is one. */
  readonly stdin?: string;
  /** `closed`: a connection that the device closes after the last command is an answer. */
  readonly accept?: readonly "closed"[];
  /** A file: where to, its permissions (0o644 ...), its bytes in base64. */
  readonly put?: { readonly path: string; readonly mode?: number; readonly base64: string };
}
/** One value to be set. */
export interface SnmpSet {
  /** Numbers joined by dots. */
  readonly oid: string;
  /** `Integer`, `OctetString`, `ObjectIdentifier`, `IpAddress`, `Counter`, `Gauge`, `TimeTicks`, `Counter64`, `Opaque`. */
  readonly type: string;
  /** A number, a text, or `{hex}` for bytes that are no text. */
  readonly value: number | string | { readonly hex: string };
}
/** Values set by one request: all of them or none. */
export interface SnmpStep extends StepCommon {
  /** In this order. */
  readonly set: readonly SnmpSet[];
}
export interface ProcessStep extends StepCommon {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}
/** One write of a plan, as a transport takes it. */
export type Step = HttpStep | TcpStep | SshStep | SnmpStep | ProcessStep;

/** The answer to a step, as it is journalled and handed to the driver. */
export interface StepAnswer {
  readonly ok: boolean;
  /** http: the status; process and ssh: the exit code; null where there is none. */
  readonly status: number | null;
  /** What the driver's client would have got for the call. */
  readonly answer: Json;
  readonly ms: number;
}

/** Something that must hold for an action to be applied. */
export interface Precondition {
  /** Its name in snake_case, the same in every plan: `vm_exists`. */
  readonly check: string;
  /** Whether it held when the plan was made; false anywhere makes the plan not `ok`. */
  readonly ok: boolean;
  /** Why, for a person: one sentence, or what was seen as plain JSON. */
  readonly details?: Json;
}
/** What one target was and what it becomes. */
export interface TargetEffect {
  /** The target's external id. */
  readonly id: string;
  /** Its state before: what an undo leads back to, and takes its parameters from. */
  readonly from: Json;
  /** Its state after; an undo asks that it still shows. */
  readonly to: Json;
}
/** What an action does, in the words of the device. */
export interface Effects {
  /** One sentence for a person. */
  readonly summary: string;
  /** Each target once. */
  readonly per_target: readonly TargetEffect[];
}

/** What a driver answers to a dry run. */
export interface DryRunResult {
  /** Whether the action could be applied now: every precondition holds. */
  readonly ok: boolean;
  /** How much a person should mind: `info`, `warn`, or `error` for what cannot be applied. */
  readonly severity: "info" | "warn" | "error";
  /** The same for actions that come to the same; kept with the plan. */
  readonly idempotency_key?: string;
  /** All that were looked at, also those that hold. */
  readonly preconditions: readonly Precondition[];
  /** The writes in their order. Without `steps` (an empty list) `preview` says for a person what the apply will do. */
  readonly plan: {
    readonly kind: "api" | "cli" | "ssh" | "snmp" | "process";
    readonly steps: readonly Step[];
    readonly notes?: readonly string[];
    readonly preview?: readonly string[];
  };
  /** What changes, for each target. */
  readonly effects: Effects;
  /** Why it is not `ok`, for a person. */
  readonly reason?: string;
}

/** A plan as the store keeps it. `pinned`: its steps, and nothing else, are what an apply sends. */
export interface Plan {
  readonly id: string;
  readonly hash: string;
  readonly instanceId: string;
  readonly configRevision: number;
  readonly digest: string;
  readonly capability: string;
  readonly verb: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
  readonly pinned: boolean;
  /** The runner's form of the dry-run result: steps normalised, preview rendered, secrets as `[secret:name]`. */
  readonly result: DryRunResult;
  /** Steps as they will be sent; secrets are `{secret:name}` references, never values or handles. */
  readonly steps: readonly Step[];
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The job that made it, and the one that used it. */
  readonly madeBy: string;
  readonly usedBy: string | null;
}

/** One line of a job's journal: a write, when it was sent and what was answered. */
export interface JournalEntry {
  readonly jobId: string;
  readonly index: number;
  readonly attempt: number;
  readonly transport: string;
  /** The request with secrets as `[secret:name]`. */
  readonly request: Json;
  readonly idempotent: boolean;
  readonly sentAt: number;
  readonly answeredAt: number | null;
  readonly answer: StepAnswer | null;
}
