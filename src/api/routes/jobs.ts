/** Jobs: list, look, cancel, retry, undo, journal. */
import { Type } from "typebox";
import { SwitchyardError } from "../../errors.ts";
import { isJobKind } from "../../jobs/catalog.ts";
import { waitingOf } from "../../live/waiting.ts";
import { timesOf } from "../../model/ids.ts";
import { type Job, type JobState, retryableStates } from "../../model/job.ts";
import type { JsonObject } from "../../model/json.ts";
import { findCapability } from "../../model/manifest.ts";
import type { Principal } from "../../model/principal.ts";
import { undoOf } from "../../model/undo.ts";
import { cancelJob } from "../../queue/cancel.ts";
import { type Asker, findUndo, type JobFilter, listJobs } from "../../store/jobs.ts";
import { readJournal } from "../../store/journal.ts";
import { findType } from "../../store/types.ts";
import { readJob } from "../access/access.ts";
import type { Api } from "../api.ts";
import { listOf, pageOf, pageQuery, short, shortQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { accepted, enqueue } from "../jobs/enqueue.ts";
import { closed, idParam, list, ref, timeText } from "../schemas/common.ts";
import { kindSchema, stateSchema } from "../schemas/jobs.ts";
import { jobToWire, journalToWire, type Waiting } from "../wire.ts";

const params = { id: idParam("Id of the job") };
const tag = "jobs";

/** What queued jobs wait for; nothing while Redis is away. */
const waitingFor = async ({ redis, log }: Api, jobs: readonly Job[]): Promise<Record<string, Waiting>> => {
  const queued = jobs.filter(({ state }) => state === "queued").map(({ id }) => id);
  if (queued.length === 0) return {};
  return waitingOf(redis, queued).catch((error) => {
    log.warn({ err: error }, "not known what queued jobs wait for");
    return {};
  });
};

/** Only what succeeded is undone: nothing is asked of the store for other jobs. */
const undoneBy = async ({ store }: Api, job: Job): Promise<{ readonly undone_by?: string }> => {
  const { kind, state, subject } = job;
  const { instanceId } = subject;
  if (kind !== "action.run" || state !== "succeeded" || instanceId === undefined) return {};
  const undo = await store.read(() => findUndo({ ...job, instanceId }));
  return undo === undefined ? {} : { undone_by: undo.id };
};

const askers = ["me", "token", "schedule", "rule", "system"] as const;
const askerSchema = (description: string) =>
  Type.Union(
    askers.map((asker) => Type.Literal(asker)),
    { description },
  );
const askerOf = (asker: (typeof askers)[number], { id }: Principal): Asker =>
  asker === "me" ? { principal: id } : asker;

interface JobQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly kind?: string;
  readonly state?: JobState;
  readonly instance_id?: string;
  readonly type_id?: string;
  readonly since?: unknown;
  readonly id?: string;
  readonly by?: (typeof askers)[number];
  readonly not_by?: (typeof askers)[number];
}

const filterOf = (query: JobQuery, principal: Principal): JobFilter => {
  const { kind, state, instance_id: instanceId, type_id: typeId, id: idPrefix, by, not_by: notBy } = query;
  // An id begins with its time, which the list is ordered by: the search stays within a few rows.
  const [from, before] = (idPrefix && timesOf(idPrefix)) || [0, undefined];
  const since = Math.max(from, typeof query.since === "string" ? Date.parse(query.since) : 0);
  const wanted = {
    ...{ kind, state, instanceId, typeId, idPrefix, before, since: since > 0 ? since : undefined },
    ...{ by: by && askerOf(by, principal), notBy: notBy && askerOf(notBy, principal) },
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return { ...pageOf(query), ...Object.fromEntries(given), visibleInstances: principal.instances };
};

const listRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: "/api/jobs",
    access: "viewer",
    tag,
    summary: "Jobs, newest first",
    description:
      "A page ends before its `limit` where its jobs are larger than 8 MiB together; `next_cursor` leads on.",
    query: {
      kind: Type.Optional(kindSchema),
      state: Type.Optional(stateSchema),
      instance_id: Type.Optional(Type.String({ maxLength: 100 })),
      type_id: Type.Optional(Type.String({ maxLength: 200 })),
      since: Type.Optional(timeText("Created at this time or later")),
      id: Type.Optional(
        Type.String({ pattern: "^job_[0-9a-z]{6,26}$", description: "An id, or its beginning from 6 characters on" }),
      ),
      by: Type.Optional(askerSchema("Who asked for it; `me`: the caller's own token")),
      not_by: Type.Optional(askerSchema("Leaves out what these asked for")),
      ...pageQuery,
    },
    answers: { 200: { description: "A page of jobs", schema: list(ref("Job")) } },
    handle: async ({ principal, query }) => {
      const filter = filterOf(query, principal);
      const page = await api.store.read(() => listJobs(filter));
      const waiting = await waitingFor(api, page.items);
      return json(listOf(page, (job) => jobToWire(job, waiting[job.id])));
    },
  });

const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: "/api/jobs/{id}",
    access: "viewer",
    tag,
    summary: "One job",
    params,
    answers: { 200: { description: "The job", schema: ref("Job") } },
    errors: ["not_found"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      const waiting = await waitingFor(api, [job]);
      return json({ ...jobToWire(job, waiting[job.id]), ...(await undoneBy(api, job)) });
    },
  });

const cancelRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: "/api/jobs/{id}/cancel",
    access: "operator",
    tag,
    summary: "Ask a job to stop",
    description: "A job that never started is cancelled at once; a running one gets its grace, then it is ended.",
    params,
    answers: { 202: { description: "The job as it is now", schema: ref("Job") } },
    errors: ["not_found", "job_settled"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      const { principal, address } = call;
      return accepted(await cancelJob(api, { job, principal, address }), 202);
    },
  });

/** The same input; without `plan_id`, since a plan serves one job: it plans anew. */
const inputAgain = ({ plan_id: _, ...input }: JsonObject): JsonObject => input;

const retryRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: "/api/jobs/{id}/retry",
    access: "operator",
    tag,
    summary: "The same again, as a new job",
    params,
    enqueues: true,
    answers: {},
    errors: ["not_found", "not_retryable"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      if (!retryableStates.includes(job.state) || !isJobKind(job.kind)) {
        throw new SwitchyardError("not_retryable", {
          detail: `The job is ${job.state}. Only one that ended as ${retryableStates.join(", ")} can be retried.`,
        });
      }
      return enqueue(api, call, {
        kind: job.kind,
        input: inputAgain(job.input),
        action: "job.retry",
        retryOf: job.id,
        ...(job.undoOf === null ? {} : { undoOf: job.undoOf }),
      });
    },
  });

const undoRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: "/api/jobs/{id}/undo",
    access: "operator",
    tag,
    summary: "Take back what a succeeded action did",
    description:
      "The inverse verb of the same capability, as a new job with its own plan; its parameters come from what was recorded before the action. It fails with `undo_conflict` when the device no longer shows what the action left.",
    params,
    body: Type.Object({ confirm: Type.Optional(Type.Boolean()) }, closed),
    example: { confirm: true },
    isBodyOptional: true,
    enqueues: true,
    answers: {},
    errors: [
      "not_found",
      "job_not_settled",
      "not_invertible",
      "undo_conflict",
      "confirmation_required",
      "params_invalid",
      "needs_review",
    ],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      const { typeId, instanceId } = job.subject;
      const type = typeId === undefined ? undefined : await api.store.read(() => findType(typeId));
      const capability = type && findCapability(type.manifest, String(job.input["capability"]));
      const undo = undoOf(job, capability);
      const { confirm } = call.body;
      const input = {
        instance_id: instanceId ?? "",
        ...undo,
        target: { ...undo.target },
        ...(confirm === undefined ? {} : { confirm }),
      };
      return enqueue(api, call, { kind: "action.run", input, action: "job.undo", undoOf: job.id });
    },
  });

const journalRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: "/api/jobs/{id}/journal",
    access: "viewer",
    tag,
    summary: "The writes of a job: what was sent when, what was answered",
    params,
    query: shortQuery,
    answers: { 200: { description: "Its steps in order", schema: list(ref("JournalEntry")) } },
    errors: ["not_found"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      const entries = await api.store.read(() => readJournal(job.id));
      return json(short(entries.map(journalToWire), call.query));
    },
  });

export const jobRoutes = (api: Api): Route[] => [
  listRoute(api),
  readRoute(api),
  cancelRoute(api),
  retryRoute(api),
  undoRoute(api),
  journalRoute(api),
];
