/** What the runner passes to a driver's methods, and what it expects back from the simple ones. */
import type { Json, JsonObject } from "../model/json.ts";
import type { Step } from "../model/plan.ts";

/** The argument of `inventory_list`. Answer with every target of the type: the runner filters. */
export interface InventoryCall {
  readonly targetType: string;
  /** A hint only. */
  readonly activeOnly: boolean;
  readonly options: JsonObject;
  /** Fires when the job is cancelled; the process ends soon after. */
  readonly signal: AbortSignal;
}

/** The argument of a capability's method. */
export interface ActionCall<Params = Readonly<Record<string, Json>>> {
  readonly verb: string;
  readonly target: {
    readonly type: string;
    readonly id: string;
    /** The same as `id`. */
    readonly external_id: string;
  };
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
  readonly status: "connected" | "degraded" | "error";
  readonly latency_ms: number;
  readonly message?: string;
  readonly details?: JsonObject;
}
