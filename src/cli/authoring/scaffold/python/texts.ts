/** What the texts of one transport are in a driver in Python, and in its test. */
import type { States } from "../states.ts";
import type { MadeUp } from "../texts.ts";

export interface PythonTexts {
  /** The name that `transports.get` takes. */
  readonly adapter: string;
  /** Modules that the step of a plan needs. */
  readonly stepImports?: readonly string[];
  /** The body of `test_connection`. */
  readonly probe: readonly string[];
  /** The body of a method that answers with `id`, `name` and `state` of each target. */
  list(target: string, states: States): readonly string[];
  /** The step of a plan, as an expression over `verb` and `target`; the states are those of its verbs. */
  step(target: string, states: States): string;
  /** The body of the fake device's `call(request)`. */
  answers(target: string): readonly string[];
  /** What a recording would hold of a list, where it is not what a driver in TypeScript asks for. */
  readonly listed?: readonly MadeUp[];
}

/** `1 off First` on each line. */
export const splitLines = (lines: string): readonly string[] => [
  `rows = [(line.split(maxsplit=2) + ["", ""])[:3] for line in ${lines} if line.strip()]`,
  'return [{"id": own, "state": state, "name": name} for own, state, name in rows]',
];
