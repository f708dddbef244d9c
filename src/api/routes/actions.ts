/** Actions: plan one, or run it. */
import { type Static, Type } from "typebox";
import type { JsonObject } from "../../model/json.ts";
import type { Api } from "../api.ts";
import { refuse } from "../http/body.ts";
import { type Call, type Route, route } from "../http/route.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed, freeObject, idParam } from "../schemas/common.ts";

const tag = "actions";
const base = "/api/integrations/instances/{id}";

const common = {
  verb: Type.String({ minLength: 1, maxLength: 100 }),
  params: Type.Optional(freeObject("By the capability's params schema")),
  dry_run: Type.Optional(Type.Boolean({ default: false, description: "Only plan: an action.plan job" })),
  plan_id: Type.Optional(Type.String({ maxLength: 100, description: "Apply exactly this plan" })),
  confirm: Type.Optional(Type.Boolean({ description: "For destructive verbs without a plan" })),
};
const actionBody = Type.Object(
  {
    capability: Type.String({ minLength: 1, maxLength: 200 }),
    target: Type.Object(
      { type: Type.String({ minLength: 1, maxLength: 100 }), id: Type.String({ minLength: 1, maxLength: 500 }) },
      closed,
    ),
    ...common,
  },
  closed,
);
const lifecycleBody = Type.Object(common, closed);
type ActionBody = Static<typeof actionBody>;

const errors = [
  ...(["not_found", "type_unavailable", "needs_review", "capability_unsupported", "verb_unsupported"] as const),
  ...(["target_unsupported", "params_invalid", "dry_run_unsupported", "confirmation_required"] as const),
  ...(["action_conflict", "plan_stale", "plan_mismatch", "plan_expired", "plan_used", "plan_blocked"] as const),
] as const;

const act = (api: Api, call: Call<{ readonly id: string }, unknown, unknown>, body: ActionBody): Promise<Response> => {
  const { capability, verb, target, params = {}, dry_run = false, plan_id, confirm } = body;
  const input: JsonObject = { instance_id: call.params.id, capability, verb, target, params: params as JsonObject };
  if (dry_run) {
    if (plan_id !== undefined) refuse([{ pointer: "/plan_id", message: "expected none beside dry_run, got one" }]);
    return enqueue(api, call, { kind: "action.plan", input, action: "action.plan" });
  }
  const choice = { ...(plan_id === undefined ? {} : { plan_id }), ...(confirm === undefined ? {} : { confirm }) };
  return enqueue(api, call, { kind: "action.run", input: { ...input, ...choice }, action: "action.run" });
};

export const actionRoutes = (api: Api): Route[] => [
  route({
    method: "POST",
    path: `${base}/actions`,
    access: "operator",
    tag,
    summary: "Plan or run a capability's verb on a target",
    params: { id: idParam("Id of the instance") },
    body: actionBody,
    example: {
      ...{ capability: "vm.lifecycle", verb: "shutdown", target: { type: "vm", id: "104" } },
      dry_run: true,
    },
    enqueues: true,
    answers: {},
    errors,
    handle: (call) => act(api, call, call.body),
  }),
  route({
    method: "POST",
    path: `${base}/vm/{vm_id}/lifecycle`,
    access: "operator",
    tag,
    summary: "The same for vm.lifecycle on a VM",
    params: { id: idParam("Id of the instance"), vm_id: idParam("Id of the VM on its device") },
    body: lifecycleBody,
    example: { verb: "shutdown", plan_id: "pln_01jx5v4mz8p3c6e7r9t0w2y4a6" },
    enqueues: true,
    answers: {},
    errors,
    handle: (call) =>
      act(api, call, { ...call.body, capability: "vm.lifecycle", target: { type: "vm", id: call.params.vm_id } }),
  }),
];
