/** Events in the form in which clients see them. */
import type { EventLevel, JobEvent, SystemEvent } from "../model/event.ts";
import type { JsonObject } from "../model/json.ts";

export const wireEvent = (jobId: string, { seq, ts, phase, level, message, meta, attempt }: JobEvent): JsonObject => ({
  seq,
  job_id: jobId,
  ts: new Date(ts).toISOString(),
  phase,
  level,
  message,
  meta,
  attempt,
});

/** The event that was written as this `data`. */
export const eventOfWire = (data: JsonObject): JobEvent => ({
  seq: Number(data["seq"]),
  ts: Date.parse(String(data["ts"])),
  phase: String(data["phase"]),
  level: String(data["level"]) as EventLevel,
  message: String(data["message"]),
  meta: (data["meta"] ?? {}) as JsonObject,
  attempt: Number(data["attempt"]),
});

/** `data` of an event that belongs to no job. */
export const wireSystemEvent = (event: SystemEvent): JsonObject => {
  switch (event.type) {
    case "integration_type.updated":
      return { id: event.id, status: event.status, errors: event.errors };
    case "integration_type.removed":
      return { id: event.id };
    default:
      return { instance_id: event.instanceId, type_id: event.typeId, state: event.state };
  }
};
