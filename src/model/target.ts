/** Targets: the things a driver lists and acts on. They keep the wire's snake_case because they pass through as documents. */
import type { JsonObject } from "./json.ts";

/**
 * One thing on a device, as `inventory_list` returns it.
 * `vm` and `container` attrs hold `status` running|stopped|suspended|unknown and `node`; `stack_member` model, status,
 * role; `port` link up|down, media, speed_mbps?, poe_class?, poe_power_w? (watts), poe_status?.
 */
export interface Target {
  readonly type: string;
  readonly external_id: string;
  readonly name: string;
  readonly attrs: JsonObject;
  readonly labels: JsonObject;
}

/** The target an action names. */
export interface TargetRef {
  readonly type: string;
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
