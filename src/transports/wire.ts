/** What a call needs to reach its device: warm connections, secrets, limits, and the signals that end it. */
import type { Log } from "../log.ts";
import type { Listener } from "../model/address.ts";
import type { Meter } from "./meter.ts";
import type { SecretBook } from "./secrets.ts";
import type { Warm } from "./warm.ts";

export type Mode = "read" | "apply" | "free";

/** Finds all addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** How long connections to devices live by themselves. */
export interface LinkTimes {
  /** After so much silence an ssh connection is asked whether it is there; after three such questions it is given up. */
  readonly keepAliveMs: number;
  /** Unused for this long, an ssh connection is closed. */
  readonly idleMs: number;
  /** The same for a connection of a session that has a newer one beside it. */
  readonly leavingMs: number;
}

export const usualLinkTimes: LinkTimes = { keepAliveMs: 15_000, idleMs: 60_000, leavingMs: 1_000 };

/** What all connections of this worker share. */
export interface Surroundings {
  readonly now: () => number;
  readonly log: Log;
  readonly resolve: Resolve;
  readonly ownListeners: () => readonly Listener[];
  readonly localAddresses: () => readonly string[];
  readonly meter: Meter;
  readonly linkTimes: LinkTimes;
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
