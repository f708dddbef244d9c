/** Instances: an integration type configured for one endpoint. */
import type { ErrorCode } from "../errors.ts";
import type { JsonObject } from "./json.ts";

export const instanceStates = [
  "configured",
  "connected",
  "degraded",
  "error",
  "unknown",
  "needs_review",
  "type_unavailable",
] as const;
export type InstanceState = (typeof instanceStates)[number];

export interface Instance {
  readonly id: string;
  readonly typeId: string;
  readonly name: string;
  /** Never holds a secret. */
  readonly config: JsonObject;
  /** Rises with each change of config. */
  readonly configRevision: number;
  /** What is set, never what it is. `version` rises with each change. */
  readonly secrets: Readonly<Record<string, { readonly version: number; readonly updatedAt: number }>>;
  readonly state: InstanceState;
  readonly lastTest: number | null;
  readonly latencyMs: number | null;
  readonly lastError: { readonly code: ErrorCode; readonly detail: string; readonly at: number } | null;
  readonly flags: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One line of printable text that no command line and no lookup takes for something else. */
const nameRules: readonly (readonly [RegExp, string])[] = [
  [/[\p{Cc}\p{Zl}\p{Zp}]/u, "expected one line without control characters"],
  [/^-/, "expected a name that does not begin with -, which a command line would take for an option"],
  [/^ins_[0-9a-z]{26}$/, "expected a name that is not like the id of an instance"],
];

/** What a person must change about a name; undefined when it can be used. */
export const nameProblem = (name: string): string | undefined => nameRules.find(([rule]) => rule.test(name))?.[1];

/** What an instance knows about the host key of a device; `place` is `host:port`. */
export interface HostKeyRecord {
  readonly place: string;
  /** Null where the config names the key to trust. */
  readonly trusted: {
    readonly type: string;
    readonly fingerprint: string;
    readonly at: number;
    readonly by: "first_use" | "admin";
  } | null;
  readonly seen: { readonly type: string; readonly fingerprint: string; readonly at: number };
}

/** A secret as it lies in the store: sealed by the vault, opened only by the worker's context. */
export interface SealedSecret {
  readonly instanceId: string;
  readonly name: string;
  readonly version: number;
  readonly sealed: string;
}
