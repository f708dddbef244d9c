/** The shapes a driver promises to answer with, checked before anything is made of them. */
import { Type } from "typebox";
import { SwitchyardError } from "../errors.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { DryRunResult, Effects, Precondition } from "./plan.ts";
import { compileSchema } from "./schema.ts";
import type { Target } from "./target.ts";

const effects = Type.Object(
  {
    summary: Type.String(),
    per_target: Type.Array(Type.Object({ id: Type.String(), from: Type.Unknown(), to: Type.Unknown() })),
  },
  { additionalProperties: true },
);
const dryRun = Type.Object({
  ok: Type.Boolean(),
  severity: Type.Union([Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")]),
  idempotency_key: Type.Optional(Type.String()),
  preconditions: Type.Array(
    Type.Object({
      ...{ check: Type.String(), ok: Type.Boolean() },
      ...{ details: Type.Optional(Type.Unknown()), message: Type.Optional(Type.Unknown()) },
    }),
  ),
  plan: Type.Object({
    kind: Type.Union(["api", "cli", "ssh", "snmp", "process"].map((kind) => Type.Literal(kind))),
    steps: Type.Optional(Type.Array(Type.Object({ transport: Type.Optional(Type.String()) }))),
    notes: Type.Optional(Type.Array(Type.String())),
    preview: Type.Optional(Type.Array(Type.String())),
  }),
  effects,
  reason: Type.Optional(Type.String()),
});
const targets = Type.Array(
  Type.Object({
    type: Type.String({ minLength: 1 }),
    external_id: Type.String({ minLength: 1, maxLength: 500 }),
    name: Type.String(),
    attrs: Type.Object({}, { additionalProperties: true }),
    labels: Type.Object({}, { additionalProperties: true }),
  }),
);
const testResult = Type.Object({
  status: Type.Union(["connected", "degraded", "error"].map((status) => Type.Literal(status))),
  latency_ms: Type.Optional(Type.Number()),
  message: Type.Optional(Type.String()),
  details: Type.Optional(Type.Unknown()),
});
const actionResult = Type.Object(
  {
    ok: Type.Optional(Type.Boolean()),
    task_id: Type.Optional(Type.String()),
    effects: Type.Optional(Type.Object({ per_target: Type.Optional(effects.properties.per_target) })),
    details: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: true },
);

/** What `test_connection` answers; `latency_ms` in milliseconds. */
export interface TestResult {
  readonly status: "connected" | "degraded" | "error";
  readonly latency_ms?: number;
  readonly message?: string;
  readonly details?: Json;
}
/** What an action's driver method answers when it was really run. */
export interface ActionResult {
  readonly ok?: boolean;
  readonly task_id?: string;
  readonly effects?: { readonly per_target?: Effects["per_target"] };
  readonly details?: Json;
}

const checks = {
  dryRun: compileSchema(dryRun),
  targets: compileSchema(targets),
  testResult: compileSchema(testResult),
  actionResult: compileSchema(actionResult),
};

const expectShape = (check: keyof typeof checks, value: Json, what: string): void => {
  const errors = checks[check](value).slice(0, 50);
  if (errors.length > 0) {
    const [first] = errors;
    throw new SwitchyardError("response_invalid", {
      detail: `${what} answered with another shape than promised: ${first?.pointer || "/"} ${first?.message}`,
      errors,
    });
  }
};

/** What a driver says beside `check` and `ok` is the reason, whichever of the two names it has there. */
const preconditionOf = ({ message, details, ...check }: Precondition & { readonly message?: Json }): Precondition => {
  const [said, seen] = [message ?? undefined, details ?? undefined];
  if (said === undefined) return seen === undefined ? check : { ...check, details: seen };
  if (seen === undefined) return { ...check, details: said };
  return { ...check, details: { message: said, ...(isJsonObject(seen) ? seen : { details: seen }) } };
};

/** @throws SwitchyardError `response_invalid` with every wrong place. */
export const asDryRunResult = (value: Json): DryRunResult => {
  expectShape("dryRun", value, "The dry run");
  const result = value as unknown as DryRunResult;
  const preconditions = result.preconditions.map(preconditionOf);
  return { ...result, preconditions, plan: { ...result.plan, steps: result.plan.steps ?? [] } };
};

/** What a target has by contract; what a driver adds beside it has its place in `attrs`. */
const targetOf = ({ type, external_id, name, attrs, labels }: Target): Target => ({
  ...{ type, external_id, name, attrs, labels },
});

/**
 * Other members of an item are left out.
 * @throws SwitchyardError `response_invalid`; also when an item is of another type or two share an id.
 */
export const asTargets = (value: Json, targetType: string): readonly Target[] => {
  expectShape("targets", value, "inventory_list");
  const items = value as unknown as readonly Target[];
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const isKnown = seen.has(item.external_id);
    if (item.type !== targetType || isKnown) {
      const message = isKnown
        ? `expected unique ids, got ${JSON.stringify(item.external_id)} twice`
        : `expected type ${targetType}, got ${item.type}`;
      throw new SwitchyardError("response_invalid", {
        detail: `inventory_list answered with an item that does not fit: ${message}`,
        errors: [{ pointer: `/${index}`, message }],
      });
    }
    seen.add(item.external_id);
  }
  return items.map(targetOf);
};

/** @throws SwitchyardError `response_invalid`. */
export const asTestResult = (value: Json): TestResult => {
  expectShape("testResult", value, "test_connection");
  return value as unknown as TestResult;
};

/** @throws SwitchyardError `response_invalid`. */
export const asActionResult = (value: Json): ActionResult => {
  const result = value ?? {};
  expectShape("actionResult", result, "The action");
  return result as unknown as ActionResult;
};
