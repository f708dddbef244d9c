/** What the runner passes to a driver's methods, and what it expects back from the simple ones. */
import type { Json, JsonObject } from "../model/json.ts";
import type { Step } from "../model/plan.ts";

/** The argument of `inventory_list`. Answer with every target of the type: the runner filters. */
export interface InventoryCall {
  /** As `inventory.list` of the manifest names it. */
  readonly targetType: string;
  /** A hint only. */
  readonly activeOnly: boolean;
  /** What the caller gave besides; empty as a rule. */
  readonly options: JsonObject;
  /** Fires when the job is cancelled; the process ends soon after. */
  readonly signal: AbortSignal;
}

/** The argument of a capability's method. */
export interface ActionCall<Params = Readonly<Record<string, Json>>> {
  /** One of the capability's `verbs`. */
  readonly verb: string;
  /** What is acted on. */
  readonly target: {
    readonly type: string;
    readonly id: string;
    /** The same as `id`. */
    readonly external_id: string;
  };
  /** As the capability's `params` describe them, defaults filled in; secrets are handles. */
  readonly params: Params;
  /** True: answer with a DryRunResult and write nothing. False: apply. */
  readonly dryRun: boolean;
  /** The plan that is being applied; its steps are sent by `this.apply()`. Null when the call is not planned. */
  readonly plan: { readonly steps: readonly Step[]; readonly [other: string]: unknown } | null;
  /** Fires when the job is cancelled; the process ends soon after. */
  readonly signal: AbortSignal;
}

/** What `test_connection` answers. */
export interface ConnectionTestResult {
  /** `connected`; `degraded`: it works in part; `error`: it does not, and `message` says why. */
  readonly status: "connected" | "degraded" | "error";
  /** How long the device took to answer, in milliseconds. */
  readonly latency_ms: number;
  /** For a person: what was found, or what to do. */
  readonly message?: string;
  /** Plain JSON for programs: version, model ... */
  readonly details?: JsonObject;
}
