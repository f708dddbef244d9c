/** Event streams: of one job, of everything, and tickets for browsers. */
import { Type } from "typebox";
import { makeTicket } from "../../live/tickets.ts";
import { isSettled } from "../../model/job.ts";
import { readJob } from "../access.ts";
import type { Api } from "../api.ts";
import { refuse } from "../body.ts";
import { accepts } from "../dispatch.ts";
import { json, noContent, streamReply } from "../reply.ts";
import { type Call, type Route, route } from "../route.ts";
import { idParam, ref } from "../schemas/common.ts";
import { kindSchema } from "../schemas/jobs.ts";
import { watchEverything } from "../streams/global-stream.ts";
import { readRange, watchJob } from "../streams/job-stream.ts";
import { eventToWire, time } from "../wire.ts";

const tag = "events";
const ticketMs = 30_000;
const stream = "text/event-stream";
const ticketQuery = {
  ticket: Type.Optional(Type.String({ maxLength: 200, description: "Instead of the header, for one connection" })),
};

type AnyCall = Call<unknown, unknown, unknown>;

const wantsJson = (call: AnyCall): boolean => {
  const accept = call.header("accept");
  return accept !== undefined && !accepts(accept, [stream]);
};

/** `Last-Event-ID` is what a browser sends by itself when it connects again; it knows better than the URL. */
const startOf = (call: AnyCall, after: number | undefined): number => {
  const last = call.header("last-event-id");
  if (last === undefined || last === "") return after ?? 0;
  if (/^\d{1,9}$/.test(last)) return Number(last);
  return refuse([{ pointer: "/header/last-event-id", message: "expected the number of an event" }]);
};

const pageOfEvents = async (api: Api, range: { jobId: string; after: number; limit: number }): Promise<Response> => {
  const found = await readRange(api, { ...range, limit: range.limit + 1 });
  const items = found.slice(0, range.limit);
  const next = found.length > range.limit ? (items.at(-1)?.seq ?? null) : null;
  return json({ items: items.map((event) => eventToWire(range.jobId, event)), next_after: next });
};

const jobEventsRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: "/api/jobs/{id}/events",
    access: "ticket",
    tag,
    summary: "What happened in a job, live or as a list",
    description:
      "As an event stream: from the first event, or after `Last-Event-ID` or `after`; each event once, numbered without a gap; it ends with `job.done`. An answer of 204 says that there is nothing after that number.",
    params: { id: idParam("Id of the job") },
    query: {
      after: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999_999 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 500 })),
      ...ticketQuery,
    },
    answers: {
      200: {
        description: "Events `job.event` (data: Event) and `job.done`, or a page",
        schema: ref("EventPage"),
        type: `${stream}, application/json`,
      },
      204: { description: "Nothing after that number: the job is over" },
    },
    errors: ["not_found", "ticket_invalid", "rate_limited"],
    handle: async (call) => {
      const { principal, query } = call;
      const job = await readJob(api.store, principal, call.params.id);
      const after = startOf(call, query.after);
      if (wantsJson(call)) return pageOfEvents(api, { jobId: job.id, after, limit: query.limit ?? 500 });
      if (isSettled(job.state) && after > job.lastSeq) return noContent();
      if (call.method === "HEAD") return streamReply(null);
      return watchJob(api, { jobId: job.id, after, principal, cut: call.cut });
    },
  });

const globalAfter = (call: AnyCall, after: string | undefined): string | undefined => {
  const last = call.header("last-event-id") || after;
  if (last === undefined || /^\d{1,16}-\d{1,16}$/.test(last)) return last;
  return refuse([{ pointer: "/query/after", message: "expected the id of an event of this stream" }]);
};

const allEventsRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: "/api/events",
    access: "ticket",
    tag,
    summary: "Everything that happens, as far as the caller may see it",
    description:
      "`job.event`, `job.done`, `integration_type.updated`, `.removed`, `integration_instance.created`, `.updated`, `.removed`. Its ids are its own; `Last-Event-ID` works for the last 10,000.",
    query: {
      kind: Type.Optional(kindSchema),
      instance_id: Type.Optional(Type.String({ maxLength: 100 })),
      job_id: Type.Optional(Type.String({ maxLength: 100 })),
      after: Type.Optional(Type.String({ maxLength: 40 })),
      ...ticketQuery,
    },
    answers: { 200: { description: "An event stream", schema: ref("Event"), type: stream } },
    errors: ["ticket_invalid", "rate_limited"],
    handle: (call) => {
      const { principal, query } = call;
      const after = globalAfter(call, query.after);
      if (call.method === "HEAD") return streamReply(null);
      const filter = { kind: query.kind, instanceId: query.instance_id, jobId: query.job_id };
      return watchEverything(api, { after, filter, principal, cut: call.cut });
    },
  });

const issue = async (api: Api, call: AnyCall, path: string): Promise<Response> => {
  const ticket = await makeTicket(api.redis, { path, principal: call.principal, ttlMs: ticketMs });
  return json({ url: `${path}?ticket=${ticket}`, expires_at: time(api.now() + ticketMs) }, 201);
};

const made = { 201: { description: "Good for one connection within 30 seconds", schema: ref("Ticket") } };

const jobTicketRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: "/api/jobs/{id}/events/ticket",
    access: "viewer",
    tag,
    summary: "A URL for a browser's EventSource, which cannot send a header",
    params: { id: idParam("Id of the job") },
    answers: made,
    errors: ["not_found"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      return issue(api, call, `/api/jobs/${job.id}/events`);
    },
  });

const allTicketRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: "/api/events/ticket",
    access: "viewer",
    tag,
    summary: "The same for the stream of everything",
    answers: made,
    handle: (call) => issue(api, call, "/api/events"),
  });

export const eventRoutes = (api: Api): Route[] => [
  jobEventsRoute(api),
  allEventsRoute(api),
  jobTicketRoute(api),
  allTicketRoute(api),
];
