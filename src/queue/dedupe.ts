/** Which jobs are one and the same while they are open. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson, sha256Hex } from "../model/canonical.ts";
import type { Json } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import type { ActionInput } from "./check-action.ts";

export interface Dedupe {
  /** Unique among open jobs. */
  readonly dedupeKey: string | null;
  /** An open job of the same key is joined only when this is equal; null = always. */
  readonly dedupeHash: string | null;
  /** Open jobs of these keys cover this one, too. */
  readonly joinKeys: readonly string[];
}

export const notDeduped: Dedupe = { dedupeKey: null, dedupeHash: null, joinKeys: [] };

/** A refresh of one type joins one of everything; single flight for both. */
export const refreshDedupe = (instanceId: string, type: string | undefined): Dedupe => {
  const all = `refresh:${instanceId}:*`;
  if (type === undefined) return { dedupeKey: all, dedupeHash: null, joinKeys: [] };
  return { dedupeKey: `refresh:${instanceId}:${type}`, dedupeHash: null, joinKeys: [all] };
};

const fieldOf = (input: ActionInput, field: string): Json => {
  const name = field.replaceAll(/[ .]/g, "_");
  if (name === "verb") return input.verb;
  if (name === "target_id" || name === "target") return `${input.target.type}/${input.target.id}`;
  if (name === "target_type") return input.target.type;
  const param = input.params[field.startsWith("params.") ? field.slice("params.".length) : field];
  return (param ?? null) as Json;
};

const keyText = (value: unknown): string => {
  try {
    return canonicalJson(value);
  } catch (error) {
    throw new SwitchyardError("params_invalid", {
      detail: "Expected parameters that JSON carries exactly: no integer beyond 2^53, no broken character.",
      cause: error,
    });
  }
};

/**
 * The same action while one is open: kind, instance, capability and the fields that the manifest names.
 * `unlike`: something that no other job shares; set when sealed parameters cannot be compared.
 */
export const actionDedupe = (kind: string, capability: Capability, input: ActionInput, unlike?: string): Dedupe => {
  const fields = capability.idempotency?.key_fields;
  if (kind !== "action.run" || fields === undefined || fields.length === 0) return notDeduped;
  const facts = fields.map((field) => [field, fieldOf(input, field)]);
  const key = keyText([kind, input.instance_id, capability.id, facts]);
  const { confirm: _, ...asked } = input;
  const whole = keyText(unlike === undefined ? asked : { ...asked, unlike });
  return { dedupeKey: `action:${sha256Hex(key)}`, dedupeHash: sha256Hex(whole), joinKeys: [] };
};
