/** The HTTP application: every route by its row, and an answer for everything else. */
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { SwitchyardError } from "../errors.ts";
import { type Api, createApi } from "./api.ts";
import type { ApiDeps } from "./deps.ts";
import { dispatch, identify, refusal } from "./http/dispatch.ts";
import { noContent } from "./http/reply.ts";
import type { Route } from "./http/route.ts";
import { createRoutes } from "./routes/index.ts";

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");
const pathPattern = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);

/** Which methods a path has. */
const createMethods = (routes: readonly Route[]) => {
  const patterns = routes.map(({ method, path }) => ({ method, pattern: pathPattern(path) }));
  return (path: string): readonly string[] => {
    const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method as string);
    if (methods.length === 0) return [];
    return [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])];
  };
};

const elsewhere = (api: Api, methodsOf: (path: string) => readonly string[]) => async (c: Context) => {
  const { path, method } = c.req;
  const methods = methodsOf(path);
  const allow = methods.join(", ");
  if (method === "OPTIONS" && methods.length > 0) return noContent({ allow });
  try {
    if (path.startsWith("/api/")) await identify(api, c, "viewer");
    if (methods.length === 0) throw new SwitchyardError("not_found", { detail: `There is nothing at ${path}.` });
    throw new SwitchyardError("method_not_allowed", { detail: `${path} takes ${allow}.` });
  } catch (thrown) {
    const response = refusal(api, thrown, path);
    if (response.status === 405) response.headers.set("allow", allow);
    return response;
  }
};

const allowOrigins = (app: Hono, origins: readonly string[]): void => {
  const allow = cors({
    origin: [...origins],
    allowMethods: ["GET", "HEAD", "POST", "PATCH", "DELETE"],
    allowHeaders: ["authorization", "content-type", "idempotency-key", "prefer", "last-event-id"],
    exposeHeaders: ["location", "preference-applied", "switchyard-job", "retry-after"],
    maxAge: 600,
  });
  app.use("*", (c, next) => (c.req.header("origin") === undefined ? next() : allow(c, next)));
};

/** The application. It needs no socket: `app.request(...)` answers as the server would. */
export const createApp = (deps: ApiDeps): Hono => {
  const api = createApi(deps);
  const routes = createRoutes(api);
  const app = new Hono();
  if (deps.config.corsOrigins.length > 0) allowOrigins(app, deps.config.corsOrigins);
  for (const route of routes) {
    const serve = dispatch(api, route);
    app.on(route.method, honoPath(route.path), serve);
    if (route.path.endsWith("/upload")) app.on(route.method, `${honoPath(route.path)}/`, serve);
  }
  // Whoever opens the address in a browser finds what there is to read.
  app.get("/", (c) => c.redirect("/api/docs"));
  app.notFound(elsewhere(api, createMethods(routes)));
  app.onError((thrown, c) => refusal(api, thrown, c.req.path));
  return app;
};
