/** What every step has whatever its transport: its name, whether it may be repeated, references to earlier answers. */
import { SwitchyardError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { linearRegExp } from "./linear-pattern.ts";
import type { Step, StepRef } from "./plan.ts";
import { parsePointer } from "./pointer.ts";

/** A driver's mistake in the shape of a request or step: nothing was sent. */
export const misshapen = (detail: string): SwitchyardError => new SwitchyardError("driver_failed", { detail });

/** Which secrets a driver's handles stand for. */
export interface HandleBook {
  /** The instance's secret behind a handle; `undefined` when it is none of ours. */
  secretOf(handle: string): string | undefined;
  /** Whether the handle stands for a login value or cookie of this session. */
  isSessionValue(handle: string): boolean;
}

/** Refuses members that the shape does not know, so that a misspelt one is never silently left out. */
export const refuseUnknown = (raw: JsonObject, known: readonly string[], what: string): void => {
  const unknown = Object.keys(raw).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw misshapen(`Expected ${what} with ${known.join(", ")}, got the member "${unknown}".`);
};

export const objectOf = (raw: unknown, what: string): JsonObject => {
  if (isJsonObject(raw)) return raw;
  throw misshapen(`Expected ${what} as an object, got ${raw === null ? "null" : typeof raw}.`);
};

const refPlaces = /^\/(?:json(?:\/.*)?|query\/\d+\/1|path\/\d+)$/s;

const refOf = (place: string, raw: Json, index: number): StepRef => {
  const { step, at, match } = objectOf(raw, "a reference");
  const isEarlier = typeof step === "number" && Number.isInteger(step) && step >= 0 && step < index;
  if (!refPlaces.test(place))
    throw misshapen(`Expected a reference to stand in /json, /query/<n>/1 or /path/<n>, got "${place}".`);
  if (!isEarlier)
    throw misshapen(`Expected a reference to a step before ${index}, got ${JSON.stringify(step ?? null)}.`);
  if (typeof at !== "string" || parsePointer(at) === undefined)
    throw misshapen("Expected `at` of a reference as a JSON Pointer.");
  if (typeof match !== "string" || match === "")
    throw misshapen("Expected `match` of a reference as a regular expression.");
  linearRegExp(match);
  return { step, at, match };
};

/** The references of the step number `index`, checked. */
export const refsOf = (raw: Json | undefined, index: number): Readonly<Record<string, StepRef>> | undefined => {
  if (raw === undefined) return undefined;
  const entries = Object.entries(objectOf(raw, "refs")).map(
    ([place, ref]) => [place, refOf(place, ref, index)] as const,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};

/** What is sent of a step: without what steers only how it is sent. Two requests are equal when this is. */
export const payloadOf = (step: Step): JsonObject => {
  const { idempotent: _idempotent, refs: _refs, ...payload } = step;
  const { accept: _accept, ...sent } = payload as { accept?: unknown };
  return sent as JsonObject;
};
