/** From a request to a handler and back: who asks, may they, is it well-formed, and what if it fails. */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { Type } from "typebox";
import { SwitchyardError } from "../../errors.ts";
import { takeTicket } from "../../live/tickets.ts";
import { newId } from "../../model/ids.ts";
import { type Principal, systemPrincipal } from "../../model/principal.ts";
import { isUp } from "../../redis.ts";
import { appendAudit } from "../../store/audit.ts";
import type { Span } from "../../trace/trace.ts";
import { authorise, requireUnlimited } from "../access/access.ts";
import type { Api } from "../api.ts";
import { check, readJsonBody } from "./body.ts";
import { problem } from "./problem.ts";
import { createReader, type Given } from "./query.ts";
import type { Call, Route } from "./route.ts";

/** Of a route that everybody may ask. */
const nobody: Principal = { ...systemPrincipal("nobody"), role: "viewer", instances: [] };

/** What the server tells about the connection; a test may hand in an address. */
interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  readonly outgoing?: { destroy(): void };
  readonly address?: string;
}

const addressOf = (c: Context): string => {
  const connection = c.env as Connection | undefined;
  return connection?.incoming?.socket?.remoteAddress ?? connection?.address ?? "unknown";
};

const byTicket = async (api: Api, c: Context, ticket: string): Promise<Principal> => {
  const principal = await takeTicket(api.redis, ticket, c.req.path);
  if (principal && (await api.auth.isValid(principal))) return principal;
  const error = new SwitchyardError("ticket_invalid", {
    detail: "A ticket is good for one connection to its own path within 30 seconds. Ask for a new one.",
  });
  return api.auth.fail(error, addressOf(c));
};

/** Who asks. */
export const identify = async (api: Api, c: Context, access: Route["access"]): Promise<Principal> => {
  if (access === "open") return nobody;
  const ticket = access === "ticket" ? c.req.query("ticket") : undefined;
  if (ticket !== undefined) return byTicket(api, c, ticket);
  return api.auth.identify(c.req.header("authorization"), addressOf(c));
};

const mediaTypes = (route: Route): readonly string[] =>
  Object.entries(route.answers)
    .filter(([status]) => status.startsWith("2"))
    .flatMap(([, { type, schema }]) => type?.split(", ") ?? (schema ? ["application/json"] : []));

/** Whether one of the media types is among those that the caller takes. */
export const accepts = (header: string | undefined, types: readonly string[]): boolean => {
  if (header === undefined || header === "" || types.length === 0) return true;
  const ranges = header.split(",").map((part) => (part.split(";")[0] ?? "").trim().toLowerCase());
  return types.some((type) => {
    const [main] = type.split("/");
    return ranges.some((range) => range === "*/*" || range === `${main}/*` || range === type.split(";")[0]);
  });
};

const checkAccept = (header: string | undefined, types: readonly string[]): void => {
  if (accepts(header, types)) return;
  throw new SwitchyardError("not_acceptable", { detail: `This can be answered as ${types.join(" or ")} only.` });
};

const createBodyReader = (route: Route) => {
  const { body, isBodyOptional = false } = route;
  return async (request: Request): Promise<{ text: string; value: unknown }> => {
    if (body === undefined) return { text: "", value: undefined };
    const read = await readJsonBody(request, isBodyOptional);
    check(body, read.value);
    return read;
  };
};

/** A refused attempt to change something is on the record too. */
const recordRefusal = (api: Api, route: Route, c: Context, principal: Principal): void => {
  if (route.method === "GET") return;
  const at = api.now();
  const entry = {
    id: newId("aud", at),
    at,
    principalId: principal.id,
    principalName: principal.name,
    action: `${route.method} ${route.path}`,
    objectType: route.tag,
    objectId: c.req.param("id") ?? null,
    address: addressOf(c),
    outcome: "forbidden",
  };
  api.store.write(() => appendAudit(entry)).catch((error) => api.log.warn({ err: error }, "audit entry not written"));
};

/** What was not foreseen: its words stay in the log, under an id that the caller is told. */
const unforeseen = (api: Api, thrown: unknown, path: string): SwitchyardError => {
  if (!isUp(api.redis)) {
    return new SwitchyardError("queue_unavailable", { detail: "Redis cannot be reached. Try again in a moment." });
  }
  const id = randomUUID();
  api.log.error({ err: thrown, error_id: id, path }, "unforeseen error");
  return new SwitchyardError("internal", { detail: `Something went wrong inside. The log tells more under ${id}.` });
};

export const refusal = (api: Api, thrown: unknown, path: string): Response => {
  const isOurs = thrown instanceof SwitchyardError;
  if (isOurs && thrown.code === "internal") api.log.error({ err: thrown, path }, "internal error");
  const jobId = isOurs && typeof thrown.details["job_id"] === "string" ? thrown.details["job_id"] : undefined;
  return problem(isOurs ? thrown : unforeseen(api, thrown, path), { instance: path, ...(jobId && { jobId }) });
};

/** Of every route that enqueues. */
const debugQuery = { debug: Type.Optional(Type.Boolean()) };

/** What everybody may ask, again and again, is not worth a trace. Queries are not told: they may hold a ticket. */
const beginRequest = (api: Api, { access, path: route, method }: Route, c: Context): Span | undefined => {
  if (access === "open" || api.tracer === undefined) return undefined;
  const attributes = { "http.request.method": method, "http.route": route, "url.path": c.req.path };
  return api.tracer.start({ name: `${method} ${route}`, kind: "server", attributes }, c.req.header("traceparent"));
};

const endRequest = (span: Span | undefined, { status }: Response): void => {
  if (span === undefined) return;
  span.set({ "http.response.status_code": status });
  if (status >= 500) span.fail(String(status));
  span.end();
};

const nothing: Given = {};

/** Whoever asks an open route may be a monitor or a cache, which say things of their own. */
const queryOf = (c: Context, { access }: Route): Given =>
  access === "open" || !c.req.url.includes("?") ? nothing : c.req.queries();

const paramsOf = (c: Context): Given =>
  Object.fromEntries(Object.entries(c.req.param() as Record<string, string>).map(([name, text]) => [name, [text]]));

/** The function that serves one route. */
export const dispatch = (api: Api, route: Route): ((c: Context) => Promise<Response>) => {
  const readParams = createReader(route.params ?? {}, "/path");
  const readQuery = createReader({ ...route.query, ...(route.enqueues ? debugQuery : {}) }, "/query");
  const readBody = createBodyReader(route);
  const types = mediaTypes(route);
  const role = route.access === "open" || route.access === "ticket" ? "viewer" : route.access;

  const serve = async (c: Context, trace: string | undefined): Promise<Response> => {
    const principal = await identify(api, c, route.access);
    try {
      authorise(principal, role);
      if (route.concernsAll) requireUnlimited(principal);
      checkAccept(c.req.header("accept"), types);
      const query = readQuery(queryOf(c, route));
      const params = readParams(paramsOf(c)) as Record<string, string>;
      const body = await readBody(c.req.raw);
      const call: Call<Record<string, string>, Record<string, unknown>, unknown> = {
        method: c.req.method,
        path: c.req.path,
        url: c.req.url,
        principal,
        params,
        query,
        body: body.value,
        bodyText: body.text,
        address: addressOf(c),
        raw: c.req.raw,
        trace,
        header: (name) => c.req.header(name),
        cut: () => (c.env as Connection | undefined)?.outgoing?.destroy(),
      };
      return await route.handle(call);
    } catch (thrown) {
      if (thrown instanceof SwitchyardError && thrown.code === "forbidden") recordRefusal(api, route, c, principal);
      throw thrown;
    }
  };
  return async (c) => {
    const from = performance.now();
    const span = beginRequest(api, route, c);
    const response = await serve(c, span?.context).catch((thrown) => refusal(api, thrown, c.req.path));
    endRequest(span, response);
    const asked = { method: c.req.method, route: route.path, status: response.status };
    api.metrics.request(asked, (performance.now() - from) / 1000);
    return response;
  };
};
