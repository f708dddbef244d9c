/** Plans: what an action would do, and its writes in order. Documents keep the wire's snake_case: they are hashed as they are. */
import type { Json, JsonObject } from "./json.ts";
import type { TargetRef } from "./target.ts";

/** Takes a value from the answer of an earlier step: `match` must hold, the result is a short string or an integer. */
export interface StepRef {
  readonly step: number;
  /** JSON Pointer into the answer's body. */
  readonly at: string;
  readonly match: string;
}

interface StepCommon {
  /** The transport's name in the manifest: `http`, `http.legacy`, `tcp` ... */
  readonly transport: string;
  readonly idempotent?: boolean;
  readonly refs?: Readonly<Record<string, StepRef>>;
}

/** One HTTP write. Exactly what is absent here is absent on the wire. */
export interface HttpStep extends StepCommon {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: Json;
  readonly form?: readonly (readonly [string, string])[];
  readonly multipart?: readonly JsonObject[];
  readonly text?: string;
  readonly base64?: string;
  readonly content_type?: string;
  /** Statuses that count as success beside 2xx. */
  readonly accept?: readonly number[];
}
/** A line; or lines that the device takes together before it answers, such as a command and its block of data. */
export type TcpLine = string | readonly string[];
/** Lines sent over one tcp session; each entry waits for one line of answer. */
export interface TcpStep extends StepCommon {
  readonly send: readonly TcpLine[];
}
/** What is said when a device asks back: `match` is a regular expression over the end of its output. */
export interface SshAnswer {
  readonly match: string;
  readonly send: string;
  /** False: no line end is sent behind it. */
  readonly enter?: false;
}
/** Commands run one after the other, or one file put. */
export interface SshStep extends StepCommon {
  readonly commands?: readonly string[];
  readonly answers?: readonly SshAnswer[];
  readonly stdin?: string;
  /** `closed`: a connection that the device closes after the last command is an answer. */
  readonly accept?: readonly "closed"[];
  readonly put?: { readonly path: string; readonly mode?: number; readonly base64: string };
}
export interface SnmpSet {
  readonly oid: string;
  /** `Integer`, `OctetString`, `ObjectIdentifier`, `IpAddress`, `Counter`, `Gauge`, `TimeTicks`, `Counter64`, `Opaque`. */
  readonly type: string;
  /** A number, a text, or `{hex}` for bytes that are no text. */
  readonly value: number | string | { readonly hex: string };
}
/** Values set by one request: all of them or none. */
export interface SnmpStep extends StepCommon {
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

export interface Precondition {
  readonly check: string;
  readonly ok: boolean;
  readonly details?: Json;
}
export interface TargetEffect {
  readonly id: string;
  readonly from: Json;
  readonly to: Json;
}
export interface Effects {
  readonly summary: string;
  readonly per_target: readonly TargetEffect[];
}

/** What a driver answers to a dry run. */
export interface DryRunResult {
  readonly ok: boolean;
  readonly severity: "info" | "warn" | "error";
  readonly idempotency_key?: string;
  readonly preconditions: readonly Precondition[];
  readonly plan: {
    readonly kind: "api" | "cli" | "ssh" | "snmp" | "process";
    readonly steps: readonly Step[];
    readonly notes?: readonly string[];
    readonly preview?: readonly string[];
  };
  readonly effects: Effects;
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
