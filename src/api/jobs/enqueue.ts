/** Everything that does work is a job: admits it, and answers 202 or, when asked to wait, with its outcome. */
import { createHash } from "node:crypto";
import { SwitchyardError } from "../../errors.ts";
import type { JobKind } from "../../jobs/catalog.ts";
import type { Job } from "../../model/job.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Principal } from "../../model/principal.ts";
import type { Api } from "../api.ts";
import { problem } from "../http/problem.ts";
import { json } from "../http/reply.ts";
import type { Call } from "../http/route.ts";
import { jobToWire } from "../wire.ts";
import { failureOf, preferredWait, waitForJob } from "./wait.ts";

export interface WorkRequest {
  readonly kind: JobKind;
  readonly input: JsonObject;
  /** What the audit log calls it. */
  readonly action: string;
  readonly retryOf?: string;
  readonly undoOf?: string;
  /** Stands for the body in the idempotency key, when the body is no JSON. */
  readonly bodyHash?: string;
}

type AnyCall = Call<unknown, unknown, unknown>;

/** `debug` changes what is recorded, not what is asked. */
const askedFor = ({ method, url, bodyText }: AnyCall, bodyHash: string | undefined): string => {
  const { pathname, searchParams } = new URL(url);
  searchParams.delete("debug");
  return createHash("sha256")
    .update(`${method} ${pathname}?${searchParams}\n${bodyHash ?? bodyText}`)
    .digest("hex");
};

const idempotency = (call: AnyCall, bodyHash: string | undefined) => {
  const key = call.header("idempotency-key");
  if (key === undefined) return {};
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new SwitchyardError("validation_failed", {
      detail: "Expected an Idempotency-Key of 1 to 255 printable characters.",
      errors: [{ pointer: "/header/idempotency-key", message: "expected 1 to 255 printable characters" }],
    });
  }
  return { idempotencyKey: key, requestHash: askedFor(call, bodyHash) };
};

const isDebug = ({ query }: AnyCall): boolean => (query as { debug?: boolean } | undefined)?.debug === true;

export interface Admitted {
  readonly job: Job;
  /** Another request made the job, and it was open when this one came. */
  readonly isJoined: boolean;
}

/** Puts a job on the queue on behalf of the caller. */
export const admitFor = async (api: Api, call: AnyCall, request: WorkRequest): Promise<Admitted> => {
  const { bodyHash, ...rest } = request;
  const key = idempotency(call, bodyHash);
  const { job, isNew } = await api.admission.admit({
    ...rest,
    principal: call.principal,
    address: call.address,
    debug: isDebug(call),
    trace: call.trace,
    ...key,
  });
  // A request that is sent again finds the job that it made itself.
  return { job, isJoined: !isNew && key.idempotencyKey !== job.idempotencyKey };
};

/** Puts a job on the queue that a read causes: it runs as the system. */
export const admitForSystem = async (
  api: Api,
  principal: Principal,
  request: Omit<WorkRequest, "bodyHash"> & { readonly trace?: string | undefined },
): Promise<Job> => (await api.admission.admit({ ...request, principal })).job;

export const accepted = (job: Job, status: 200 | 202, headers: Readonly<Record<string, string>> = {}): Response =>
  json(jobToWire(job), status, { location: `/api/jobs/${job.id}`, ...headers });

/** The error that a waiting caller gets for a job that failed in time. */
export const failedInTime = (job: Job, call: AnyCall): Response | undefined => {
  const failure = failureOf(job);
  if (!failure) return undefined;
  return problem(failure, { instance: call.path, jobId: job.id, headers: { location: `/api/jobs/${job.id}` } });
};

/** Waits as long as the caller asks. */
export const waitAsAsked = (api: Api, call: AnyCall, job: Job, fallbackSeconds = 0): Promise<Job> => {
  const seconds = preferredWait(call.header("prefer")) ?? fallbackSeconds;
  if (seconds === 0) return Promise.resolve(job);
  const signal = AbortSignal.any([api.signal, call.raw.signal]);
  return waitForJob({ store: api.store, feed: api.feed, signal }, job, seconds);
};

/** `202` with the job; with `Prefer: wait` its outcome when it comes in time. */
export const answerWithJob = async (api: Api, call: AnyCall, { job, isJoined }: Admitted): Promise<Response> => {
  const seconds = preferredWait(call.header("prefer"));
  const joined = isJoined ? { "switchyard-joined": "true" } : {};
  if (seconds === undefined) return accepted(job, 202, joined);
  const applied = { "preference-applied": `wait=${seconds}`, ...joined };
  const settled = await waitAsAsked(api, call, job);
  if (settled.finishedAt === null) return accepted(settled, 202, applied);
  return failedInTime(settled, call) ?? accepted(settled, 200, applied);
};

export const enqueue = async (api: Api, call: AnyCall, request: WorkRequest): Promise<Response> =>
  answerWithJob(api, call, await admitFor(api, call, request));
