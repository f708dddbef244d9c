/** Plans: what an action would do. */
import { seesInstance } from "../../model/principal.ts";
import { findPlan } from "../../store/plans.ts";
import { notFound } from "../access/access.ts";
import type { Api } from "../api.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { idParam, ref } from "../schemas/common.ts";
import { planToWire } from "../wire.ts";

export const planRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/api/plans/{id}",
    access: "viewer",
    tag: "plans",
    summary: "A plan, its steps with secrets as [secret:name], and the job that used it",
    params: { id: idParam("Id of the plan") },
    answers: { 200: { description: "The plan", schema: ref("Plan") } },
    errors: ["not_found"],
    handle: async ({ principal, params }) => {
      const plan = await api.store.read(() => findPlan(params.id));
      if (!plan || !seesInstance(principal, plan.instanceId)) throw notFound("plan", params.id);
      return json(planToWire(plan));
    },
  }),
];
