/** The spans of a job on its worker: how long it waited, each attempt, and how that ended. */
import type { Job } from "../model/job.ts";
import type { Span, Tracer } from "../trace/trace.ts";
import type { AttemptEnd } from "./ending.ts";

/** The span of an attempt; undefined when nothing is traced. The first attempt also tells of the wait before it. */
export const beginAttempt = (tracer: Tracer | undefined, job: Job): Span | undefined => {
  if (tracer === undefined) return undefined;
  const { traceparent } = job.requestedBy;
  const attributes = {
    "switchyard.job.id": job.id,
    "switchyard.job.kind": job.kind,
    "switchyard.job.queue": job.queue,
    "switchyard.instance.id": job.subject.instanceId,
    "switchyard.type.id": job.subject.typeId,
  };
  const wait = { name: `wait ${job.kind}`, startedAt: job.createdAt, attributes };
  if (job.attempt === 1) tracer.start(wait, traceparent).end();
  const own = { ...attributes, "switchyard.job.attempt": job.attempt };
  return tracer.start({ name: `attempt ${job.kind}`, kind: "consumer", attributes: own }, traceparent);
};

/** What came of the attempt. */
export const noteEnd = (span: Span | undefined, end: AttemptEnd): void => {
  if (span === undefined) return;
  span.set({ "switchyard.job.state": end.kind === "settle" ? end.state : end.kind });
  if ("error" in end && end.error !== null) span.fail(end.error.code);
};
