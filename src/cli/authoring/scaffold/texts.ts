/** What the texts of one transport are: parts of a manifest, of a driver and of its test. */

import type { Json, JsonObject } from "../../../model/json.ts";
import type { States } from "./states.ts";

/** A request in the form that recordings have, and its answer. */
export type MadeUp = readonly [request: JsonObject, answer: Json];

export interface TransportTexts {
  /** Fields of the connection, as YAML lines without indentation. */
  readonly required: readonly string[];
  readonly fields: readonly string[];
  /** Below `transports:`. */
  readonly block: readonly string[];
  /** The line of the manifest's own test. */
  readonly test: string;
  /** A pattern of `writes[]`. */
  writes(target: string): string;
  /** The body of `test_connection`. */
  readonly probe: readonly string[];
  /** The body of a method that answers with `{ id, name, state }` for each target. */
  list(target: string, states: States): readonly string[];
  /** The step of a plan, as an expression over `verb` and `target`; the states are those of its verbs. */
  step(target: string, states: States): string;
  /** The device says its states in numbers: their words are the driver's own. */
  readonly saysNumbers?: boolean;
  /** The plan's kind. */
  readonly kind: string;
  /** What the fake device of the test answers: operation to an expression. */
  answers(target: string): Readonly<Record<string, string>>;
  /** What a recording would hold of such a device. */
  readonly device: JsonObject;
  probed(target: string): { readonly exchanges: readonly MadeUp[]; readonly details?: JsonObject };
  listed(target: string): readonly MadeUp[];
  /** Secrets without which the device is not reached. */
  readonly secretNames?: readonly string[];
  readonly config: string;
  readonly secrets: string;
}
