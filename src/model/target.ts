/** Targets: the things a driver lists and acts on. They keep the wire's snake_case because they pass through as documents. */
import type { JsonObject } from "./json.ts";

/**
 * One thing on a device, as `inventory_list` returns it.
 * `vm` and `container` attrs hold `status` running|stopped|suspended|unknown and `node`; `stack_member` model, status,
 * role; `port` link up|down, media, speed_mbps?, poe_class?, poe_power_w? (watts), poe_status?.
 */
export interface Target {
  /** As `inventory.list` of the manifest names it: `vm`, `port` ... */
  readonly type: string;
  /** How the device calls it; the same in every inventory, and unlike any other of its type. */
  readonly external_id: string;
  /** What people call it. */
  readonly name: string;
  /** What is known of it, as plain JSON; see above for the types that the runner knows. */
  readonly attrs: JsonObject;
  /** What the device's own people tagged it with. */
  readonly labels: JsonObject;
}

/** Characters of a target's id, which may name several. */
export const longestTargetId = 500;

/** The target an action names. */
export interface TargetRef {
  /** Its target type. */
  readonly type: string;
  /** Its external id. */
  readonly id: string;
}

/** Spellings that older clients use for a target type. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["stack-member", "stack_member"],
  ["poe-port", "port"],
]);
export const targetTypeOf = (asked: string): string => aliases.get(asked) ?? asked;

const isActivePort = ({ attrs }: Target): boolean =>
  attrs["link"] === "up" ||
  (typeof attrs["poe_power_w"] === "number" && attrs["poe_power_w"] > 0) ||
  attrs["poe_status"] === "delivering";
const isRunning = ({ attrs }: Target): boolean => attrs["status"] === "running";
const isThere = ({ attrs }: Target): boolean => attrs["status"] !== "missing";
const activity: ReadonlyMap<string, (target: Target) => boolean> = new Map([
  ["port", isActivePort],
  ["vm", isRunning],
  ["container", isRunning],
]);

/** Whether `active_only` keeps this target. */
export const isActive = (target: Target): boolean => (activity.get(target.type) ?? isThere)(target);
