/** The messages between runner and sandbox. */
import type { DriverEvent } from "../sdk/driver.ts";

/** What a sandbox is told of an error, and tells of one. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
  /** The number of the refused or failed question that this error came from. */
  readonly ask?: number;
  /** Where in the pack it was thrown: `driver.js:12`. */
  readonly at?: string;
  readonly pointer?: string;
  /** The process cannot be used any more. */
  readonly isFatal?: boolean;
}

/** What a driver in Python is told of its instance beside the config; names as it knows them. */
export interface InstanceNames {
  readonly instance_id: string;
  readonly type_id: string;
  readonly name: string;
}

/** Runner to sandbox. */
export type ToSandbox =
  | {
      readonly t: "call";
      readonly id: string;
      readonly method: string;
      readonly args: unknown;
      readonly config: unknown;
      readonly secrets: Readonly<Record<string, string>>;
      readonly instance?: InstanceNames;
    }
  | { readonly t: "inspect"; readonly id: string }
  /** Nothing has been asked for a while: a good moment to give memory back. */
  | { readonly t: "tidy" }
  | { readonly t: "cancel"; readonly id: string }
  | {
      readonly t: "answer";
      readonly id: string;
      readonly n: number;
      readonly value: unknown;
      /** The field of the value whose text came in the frame before. */
      readonly text?: string;
    }
  | { readonly t: "refusal"; readonly id: string; readonly n: number; readonly error: WireError };

/** Sandbox to runner. */
export type FromSandbox =
  | { readonly t: "ready" }
  /** The driver ends the process. */
  | { readonly t: "bye"; readonly code: number }
  | { readonly t: "ask"; readonly id: string; readonly n: number; readonly op: string; readonly args: unknown }
  | { readonly t: "event"; readonly id: string; readonly event: DriverEvent }
  /** `isLast`: the call left something behind that does not end, so the process must. */
  | { readonly t: "done"; readonly id: string; readonly value: unknown; readonly isLast?: true }
  | { readonly t: "failed"; readonly id: string; readonly error: WireError; readonly isLast?: true };

/**
 * Lists, objects and what they hold, in one answer or the arguments of one question: an inventory of 25,000 targets with
 * 30 attributes each. The runner parses them in one go, while its other jobs wait.
 */
export const mostValues = 1_000_000;

/** How much a driver may do at once and in one call; the sandbox keeps to it by itself, the runner enforces it. */
export const callLimits = {
  /** Questions without an answer yet; more wait inside the sandbox. */
  asksAtOnce: 16,
  events: 8_000,
  eventBytes: 12 * 1024 * 1024,
  /** Of one event's message and meta; longer ones are cut. */
  messageLength: 16 * 1024,
  /** Characters of an artifact's name or type. */
  nameLength: 200,
  detailsLength: 16 * 1024,
} as const;

/** Where things lie in the sandbox's view, passed to the child's entry as its one argument. */
export interface ChildPlan {
  /** The release's folder, without a slash at its end. */
  readonly packDir: string;
  /** `module:Class`. */
  readonly entrypoint: string;
  /** URL of the sdk's index. */
  readonly sdkUrl: string;
}
