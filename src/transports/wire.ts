/** What a call needs to reach its device: warm connections, secrets, limits, and the signals that end it. */
import type { Log } from "../log.ts";
import type { Listener } from "../model/address.ts";
import type { Meter } from "./meter.ts";
import type { SecretBook } from "./secrets.ts";
import type { Warm } from "./warm.ts";

export type Mode = "read" | "apply" | "free";

/** Finds all addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** What all connections of this worker share. */
export interface Surroundings {
  readonly now: () => number;
  readonly log: Log;
  readonly resolve: Resolve;
  readonly ownListeners: () => readonly Listener[];
  readonly localAddresses: () => readonly string[];
  readonly meter: Meter;
}

/** From the manifest's `defaults.http`. */
export interface Limits {
  /** For a whole request, its repetitions included. */
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoffMs: number;
}

export interface Wire {
  readonly around: Surroundings;
  readonly warm: Warm;
  readonly secrets: SecretBook;
  readonly mode: Mode;
  readonly limits: Limits;
  /** Ends a read at once, and a write after its grace. */
  readonly signal: AbortSignal;
}
