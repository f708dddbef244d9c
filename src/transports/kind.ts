/** What every kind of transport must be able to do, so that door and journal need not know which one it is. */
import type { Endpoint } from "../model/endpoint.ts";
import type { JsonObject } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import type { WriteEntry } from "../model/pattern.ts";
import type { Step, StepAnswer } from "../model/plan.ts";
import type { HandleBook } from "../model/step.ts";
import type { TargetRef } from "../model/target.ts";
import type { Wire } from "./wire.ts";

/** Which capability's `writes[]` hold, and what `{verb}` and `{target}` stand for. */
export interface WriteRights {
  readonly capability?: Capability;
  readonly verb?: string;
  readonly target?: TargetRef;
}

/** A write whose contact is made. */
export interface ReadyWrite {
  /** Sends it once. @throws SwitchyardError with the cause when no answer came. */
  send(): Promise<StepAnswer>;
  /** Lets go of the contact, sent or not. */
  done(): void;
}

/** `E` and `S` are the kind's own endpoint and step; the table in `kinds.ts` picks by name. */
export interface TransportKind<E extends Endpoint = Endpoint, S extends Step = Step> {
  /** Members a step of this kind may have, besides transport, idempotent and refs. */
  readonly stepKeys: readonly string[];
  /** A driver's request or step in its stored form. */
  normalise(raw: JsonObject, endpoint: E, book: HandleBook): S;
  isRead(step: S, endpoint: E): boolean;
  /** A step of several lines or values as steps of one each: every one must be covered by some entry of `writes[]`. */
  parts?(step: S, endpoint: E): readonly S[];
  /** Whether one entry of `writes[]` covers the step. */
  matchesWrite(step: S, entry: WriteEntry, rights: WriteRights): boolean;
  /**
   * Makes contact now, so that a write that cannot be sent is never recorded as sent. `via` is a session that the
   * driver holds already, for kinds that have sessions.
   */
  prepare(step: S, endpoint: E, wire: Wire, via?: unknown): Promise<ReadyWrite>;
  /**
   * All that the step sends, for a person: its first line tells what is sent where, others the rest. Secrets read
   * `[secret:name]`; steps that send different things have different previews.
   */
  preview(step: S, endpoint: E): string;
}
