/** Events: the immutable record of what happened in a job. */
import type { JsonObject } from "./json.ts";

export type EventLevel = "debug" | "info" | "warn" | "error";

/** What is emitted, before it has its number in the job. */
export interface NewEvent {
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly phase: string;
  readonly level: EventLevel;
  readonly message: string;
  readonly meta: JsonObject;
  readonly attempt: number;
}

/** One line of a job's log. `seq` counts 1, 2, 3 ... within the job, without a gap. */
export interface JobEvent extends NewEvent {
  readonly seq: number;
}

/** How much one job may keep; beyond it one marker says that the rest was cut. */
export const eventCaps = {
  events: 10_000,
  bytes: 16 * 1024 * 1024,
  driverEvents: 8_000,
  driverBytes: 12 * 1024 * 1024,
} as const;

/** More than any job says, its warnings and writes included. */
export const mostEvents = 20_000;

/** The phase of an event that records a write to a device. */
export const writePhase = "write";

/** An event of the global stream that belongs to no job. */
export type SystemEvent =
  | {
      readonly type: "integration_type.updated";
      readonly id: string;
      readonly status: string;
      readonly errors: JsonObject;
    }
  | { readonly type: "integration_type.removed"; readonly id: string }
  | {
      readonly type: "integration_instance.created" | "integration_instance.updated" | "integration_instance.removed";
      readonly instanceId: string;
      readonly typeId: string;
      readonly state: string;
    };
