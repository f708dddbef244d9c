/** What may be asked of a driver from the command line, one call each: `inventory_list type=vm`. */
import { SwitchyardError } from "../errors.ts";
import type { JsonObject } from "../model/json.ts";
import type { TargetRef } from "../model/target.ts";

/** A verb on a target, with its parameters. */
export interface Action {
  readonly capability: string;
  readonly verb: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
}

/** An action as it was typed: what its parameters mean, the schema of its capability says. */
export interface TypedAction extends Omit<Action, "params"> {
  readonly texts: Readonly<Record<string, string>>;
}

export type AskedCall =
  | { readonly kind: "test" }
  | { readonly kind: "inventory"; readonly targetType: string }
  | { readonly kind: "plan" | "run" | "read"; readonly action: TypedAction }
  /** Takes back the last `run` before it that was not undone yet. */
  | { readonly kind: "undo" };

const forms = `test_connection
inventory_list type=<target type>
plan|run|read <capability> <verb> <target type>/<id> [name=value ...]
undo`;

const misread = (text: string, why: string): SwitchyardError =>
  new SwitchyardError("validation_failed", {
    detail: `The call ${JSON.stringify(text)}: ${why}. A call is one of:\n${forms}`,
  });

/** Words, of which one in quotes may hold spaces. */
const wordsOf = (text: string): readonly string[] =>
  [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));

const textsOf = (words: readonly string[], text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) throw misread(text, `expected name=value, got ${JSON.stringify(word)}`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );

const actionOf = ([capability, verb, target, ...rest]: readonly string[], text: string): TypedAction => {
  const slash = target?.indexOf("/") ?? -1;
  if (capability === undefined || verb === undefined || target === undefined || slash < 1) {
    throw misread(text, "expected a capability, a verb and a target such as vm/100");
  }
  const ref = { type: target.slice(0, slash), id: target.slice(slash + 1) };
  return { capability, verb, target: ref, texts: textsOf(rest, text) };
};

const inventoryOf = (words: readonly string[], text: string): AskedCall => {
  const { type, ...others } = textsOf(words, text);
  if (type !== undefined && Object.keys(others).length === 0) return { kind: "inventory", targetType: type };
  throw misread(text, "expected type=<target type> and nothing else");
};

/** @throws SwitchyardError `validation_failed` with the forms that a call may have. */
export const parseCall = (text: string): AskedCall => {
  const [what = "", ...words] = wordsOf(text);
  if (what === "inventory_list") return inventoryOf(words, text);
  if (what === "plan" || what === "run" || what === "read") return { kind: what, action: actionOf(words, text) };
  if (words.length > 0) throw misread(text, `expected nothing behind ${JSON.stringify(what)}`);
  if (what === "test_connection") return { kind: "test" };
  if (what === "undo") return { kind: "undo" };
  throw misread(text, `there is no call ${JSON.stringify(what)}`);
};

/** Whether a call writes to the device. */
export const writes = ({ kind }: AskedCall): boolean => kind === "run" || kind === "undo";
