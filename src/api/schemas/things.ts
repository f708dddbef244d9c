/** Types, instances, inventory, schedules, tokens and audit entries as the wire has them. */
import { type TSchema, Type } from "typebox";
import { instanceStates } from "../../model/instance.ts";
import { roles } from "../../model/principal.ts";
import { freeObject, orNull, ref, timeText } from "./common.ts";

const texts = Type.Array(Type.String());
const oneOf = (values: readonly string[]): TSchema => Type.String({ enum: [...values] });
export const roleSchema = Type.Union(roles.map((role) => Type.Literal(role)));

export const typeSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: orNull(Type.String()),
  version: Type.String(),
  min_core_version: Type.String(),
  category: Type.String(),
  status: oneOf(["checking", "valid", "invalid", "superseded", "unavailable"]),
  removed: Type.Boolean({ description: "A person removed it; its instances wait until it is installed again" }),
  errors: freeObject("Keyed by kind of fault; empty when valid"),
  capabilities: Type.Array(freeObject()),
  schema_connection: freeObject("JSON Schema of an instance's config and secrets"),
  defaults: freeObject(),
  test: orNull(freeObject()),
  requires: freeObject(),
  driver_entrypoint: Type.String(),
  language: oneOf(["node", "python"]),
  transports: orNull(freeObject()),
  permissions: texts,
  quality: Type.Object({ tier: orNull(Type.String()), missing: texts }),
  signed_by: orNull(Type.String()),
  last_validated_at: orNull(timeText()),
  release: Type.Object({ digest: Type.String(), installed_at: timeText() }),
  sandbox_level: orNull(Type.String()),
  created_at: timeText(),
  updated_at: timeText(),
});

export const manifestSchema = Type.Object({
  type_id: Type.String(),
  manifest_yaml: Type.String(),
  manifest: freeObject(),
});

export const releaseSchema = Type.Object({
  digest: Type.String(),
  version: Type.String(),
  status: Type.String(),
  installed_at: timeText(),
  is_active: Type.Boolean(),
});

export const instanceSchema = Type.Object({
  instance_id: Type.String(),
  type_id: Type.String(),
  name: Type.String(),
  config: freeObject(),
  secrets: Type.Record(Type.String(), Type.Object({ set: Type.Boolean(), updated_at: timeText() })),
  state: oneOf(instanceStates),
  last_test: orNull(timeText()),
  latency_ms: orNull(Type.Number()),
  last_error: orNull(Type.Object({ code: Type.String(), detail: Type.String(), at: timeText() })),
  flags: texts,
  created_at: timeText(),
  updated_at: timeText(),
  type_name: Type.String(),
  type_category: orNull(Type.String()),
  warnings: Type.Optional(Type.Array(Type.String(), { description: "What to think about in what was just set" })),
});

const targetSchema = Type.Object({
  type: Type.String(),
  external_id: Type.String(),
  name: Type.String(),
  attrs: freeObject(),
  labels: freeObject(),
});

export const cacheSchema = Type.Object({
  state: oneOf(["fresh", "stale", "empty"]),
  fetched_at: orNull(timeText()),
  age_s: orNull(Type.Number()),
  ttl_s: Type.Number(),
  target_count: Type.Integer(),
  fetch_duration_ms: orNull(Type.Number()),
  refreshing_job_id: Type.Optional(Type.String()),
  error: Type.Optional(
    Type.Object(
      { code: Type.String(), detail: Type.String(), at: timeText() },
      { description: "Why the last refresh failed, until one succeeds; what is shown is from before it" },
    ),
  ),
});

export const inventorySchema = Type.Object({
  items: Type.Array(targetSchema),
  next_page: orNull(Type.Integer()),
  cache: ref("InventoryCache"),
});

export const summarySchema = Type.Object({
  vm: Type.Integer(),
  stack_member: Type.Integer(),
  port_active: Type.Integer(),
  by_type: Type.Record(Type.String(), Type.Object({ total: Type.Integer(), active: Type.Integer() })),
  cache: ref("InventoryCache"),
});

const named = Type.Object({ external_id: Type.String(), name: Type.String() });
export const changeSchema = Type.Object({
  at: timeText(),
  job_id: Type.String(),
  type: Type.String(),
  added: Type.Array(named),
  removed: Type.Array(named),
  changed: Type.Array(
    Type.Object({ external_id: Type.String(), name: Type.String(), before: freeObject(), after: freeObject() }),
  ),
});

export const scheduleSchema = Type.Object({
  id: Type.String(),
  instance_id: Type.String(),
  kind: Type.String(),
  every_s: Type.Number(),
  paused: Type.Boolean(),
  next_run_at: orNull(timeText()),
  last_job_id: orNull(Type.String()),
  last_state: orNull(Type.String()),
});

export const tokenSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: roleSchema,
  instances: orNull(texts),
  expires_at: orNull(timeText()),
  created_at: timeText(),
  revoked_at: orNull(timeText()),
  token: Type.Optional(Type.String({ description: "Shown once, when it is made" })),
});

export const principalSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: roleSchema,
  instances: orNull(texts),
});

export const auditSchema = Type.Object({
  id: Type.String(),
  at: timeText(),
  principal: Type.Object({ id: Type.String(), name: Type.String() }),
  action: Type.String(),
  object: Type.Object({ type: Type.String(), id: orNull(Type.String()) }),
  address: orNull(Type.String()),
  outcome: Type.String(),
});

export const readinessSchema = Type.Object({
  ready: Type.Boolean(),
  redis: Type.Boolean(),
  store: Type.Boolean(),
  workers: Type.Integer(),
  sandbox: Type.Object({ level: orNull(Type.String()) }),
});

export const doctorSchema = Type.Object({
  ok: Type.Boolean(),
  version: Type.String(),
  checks: Type.Array(
    Type.Object({
      check: Type.String(),
      ok: Type.Boolean(),
      detail: Type.String(),
      next_step: Type.Optional(Type.String()),
    }),
  ),
});
