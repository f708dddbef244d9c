/** Whether the process lives, whether the system is ready, its figures, and what is wrong with it. */
import { Type } from "typebox";
import { allFigures } from "../../live/figures.ts";
import { countStanding } from "../../live/locks.ts";
import { queueNames } from "../../queue/queue.ts";
import type { Api } from "../api.ts";
import { examine, readiness } from "../health.ts";
import { json, textReply } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { ref } from "../schemas/common.ts";

const tag = "health";

/** Each queue's jobs by state; those that stand before locks are on none yet. */
const depthsOf = async ({ queue, redis }: Api): Promise<Record<string, Record<string, number>>> => {
  const [counts, standing] = await Promise.all([queue.counts(), countStanding(redis)]);
  return Object.fromEntries(queueNames.map((name) => [name, { ...counts[name], locked: standing[name] }]));
};

/** What only shows when somebody looks: counted at each reading. */
const measureSystem = async (api: Api): Promise<void> => {
  const [{ redis, store, workers }, queues] = await Promise.all([readiness(api), depthsOf(api).catch(() => undefined)]);
  api.metrics.system({ redis, store, workers, ...(queues && { queues }) });
};

export const healthRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/healthz",
    access: "open",
    tag,
    summary: "Whether this process lives",
    answers: {
      200: { description: "It does", schema: Type.Object({ alive: Type.Boolean(), version: Type.String() }) },
    },
    handle: () => json({ alive: true, version: api.version }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    access: "open",
    tag,
    summary: "Whether work can be taken and done",
    answers: {
      200: { description: "Ready", schema: ref("Readiness") },
      503: { description: "Not ready", schema: ref("Readiness"), type: "application/json" },
    },
    handle: async () => {
      const found = await readiness(api);
      return json(found, found.ready ? 200 : 503);
    },
  }),
  route({
    method: "GET",
    path: "/metrics",
    access: "open",
    tag,
    summary: "Figures of all processes of the system, as Prometheus reads them; each API shows the same",
    answers: { 200: { description: "Exposition text", schema: Type.String(), type: "text/plain" } },
    handle: async () => {
      await measureSystem(api);
      const others = await allFigures(api.redis, api.processId).catch(() => []);
      return textReply(await api.metrics.text(others), { type: api.metrics.contentType });
    },
  }),
  route({
    method: "GET",
    path: "/api/doctor",
    access: "viewer",
    tag,
    summary: "What is wrong, and what to do about it",
    answers: { 200: { description: "The checks", schema: ref("Doctor") } },
    handle: async ({ principal }) => json(await examine(api, principal)),
  }),
];
