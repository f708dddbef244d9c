/** What a door hands to each kind's desk: the operations that a driver may ask for besides http requests. */
import type { Binding } from "../model/binding.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Step } from "../model/plan.ts";
import { misshapen } from "../model/step.ts";
import type { DoorEvent } from "./contract.ts";
import type { Wire } from "./wire.ts";
import type { DirectOptions } from "./write-lane.ts";

export interface DeskFacts {
  /** Its signal ends a write, after the grace. */
  readonly wire: Wire;
  /** Aborts when the call ends. */
  readonly reads: AbortSignal;
  readonly binding: Binding;
  endpointOf(name: string): Endpoint;
  write(step: Step, endpoint: Endpoint, more: DirectOptions): Promise<Json>;
  record(step: Step, facts: { readonly status: number | null; readonly ms: number }): void;
  /** An event of its own: output while it comes. */
  tell(event: DoorEvent): void;
  /** Resolves when no write is in flight. */
  settled(): Promise<void>;
}

export type Operations = Readonly<Record<string, (args: JsonObject) => Promise<Json>>>;

const longestMs = 600_000;

/** A driver's own time limit in milliseconds, or the usual one. */
export const msOf = (raw: Json | undefined, usual: number): number => {
  if (raw === undefined) return usual;
  if (typeof raw !== "number" || !(raw > 0)) throw misshapen("Expected timeout_ms as a positive number.");
  return Math.min(raw, longestMs);
};

/** The endpoint that a driver names, or the kind's own. */
export const endpointFor = <K extends Endpoint["kind"]>(
  raw: Json | undefined,
  kind: K,
  facts: Pick<DeskFacts, "endpointOf">,
): Extract<Endpoint, { kind: K }> => {
  const endpoint = facts.endpointOf(raw === undefined ? kind : String(raw));
  if (endpoint.kind === kind) return endpoint as Extract<Endpoint, { kind: K }>;
  throw misshapen(`Expected a transport of the kind ${kind}, got "${endpoint.name}".`);
};
