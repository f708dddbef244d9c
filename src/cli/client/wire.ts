/** The API's documents as far as the command line reads them; `--json` prints them as they came. */
import type { FieldProblem } from "../../errors.ts";
import type { JobState } from "../../model/job.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { Capability } from "../../model/manifest.ts";
import type { Effects, Precondition } from "../../model/plan.ts";
import type { Role } from "../../model/principal.ts";
import type { Target, TargetRef } from "../../model/target.ts";

export interface JobDocument {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly max_attempts: number;
  readonly requested_by: { readonly name: string; readonly token_id?: string; readonly schedule_id?: string };
  readonly subject: { readonly type_id?: string; readonly instance_id?: string; readonly target?: TargetRef };
  readonly input: JsonObject;
  readonly progress: { readonly phase: string; readonly percent?: number; readonly message: string } | null;
  readonly waiting_for?: { readonly kind: string; readonly lock?: string; readonly held_by?: string };
  readonly result: Json;
  readonly error: JobErrorDocument | null;
  readonly plan_id?: string;
  readonly retry_of?: string;
  readonly undo_of?: string;
  /** Of a job that was asked for by its id. */
  readonly undone_by?: string;
}

/** A file that a job kept. */
export interface ArtifactDocument {
  readonly name: string;
  readonly content_type: string;
  readonly size: number;
}

/** One write of a job. */
export interface JournalDocument {
  readonly index: number;
  readonly attempt: number;
  readonly transport: string;
  readonly request: JsonObject;
  readonly idempotent: boolean;
  readonly sent_at: string;
  readonly answered_at: string | null;
  readonly answer: Json;
}

export interface JobErrorDocument {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly details?: JsonObject;
}

export interface EventDocument {
  readonly seq: number;
  readonly job_id: string;
  readonly ts: string;
  readonly phase: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly meta: JsonObject;
  readonly attempt: number;
}

export interface PlanDocument {
  readonly plan_id: string;
  readonly expires_at: string;
  readonly used_by?: string | null;
  readonly pinned: boolean;
  readonly ok: boolean;
  readonly severity: string;
  readonly preconditions: readonly Precondition[];
  readonly plan: { readonly notes?: readonly string[]; readonly preview?: readonly string[] };
  readonly effects: Effects;
  readonly reason?: string;
}

export interface TypeDocument {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly version: string;
  readonly category: string;
  readonly status: string;
  readonly removed: boolean;
  readonly transports: JsonObject | null;
  readonly errors: JsonObject;
  readonly capabilities: readonly Capability[];
  readonly schema_connection: JsonObject;
  readonly permissions: readonly string[];
  readonly sandbox_level: string | null;
  readonly quality: { readonly tier: string | null; readonly missing: readonly string[] };
}

export interface InstanceDocument {
  readonly instance_id: string;
  readonly type_id: string;
  readonly name: string;
  readonly config: JsonObject;
  readonly secrets: Readonly<Record<string, { readonly set: boolean }>>;
  readonly state: string;
  readonly last_test: string | null;
  readonly latency_ms: number | null;
  readonly last_error: { readonly code: string; readonly detail: string } | null;
  readonly flags: readonly string[];
  readonly updated_at: string;
  readonly warnings?: readonly string[];
}

export interface InventoryDocument {
  readonly items: readonly Target[];
  readonly next_page: number | null;
  readonly cache: {
    readonly state: string;
    readonly age_s: number | null;
    readonly target_count: number;
    readonly refreshing_job_id?: string;
    readonly error?: { readonly code: string; readonly detail: string; readonly at: string };
  };
}

export interface TokenDocument {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly instances: readonly string[] | null;
  readonly expires_at: string | null;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly token?: string;
}

export interface ScheduleDocument {
  readonly id: string;
  readonly instance_id: string;
  readonly kind: string;
  readonly every_s: number;
  readonly paused: boolean;
  readonly next_run_at: string | null;
  readonly last_job_id: string | null;
  readonly last_state: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}
