/** The two states that a thing is switched between, in the words of its verbs. */
import type { Choices } from "./choices.ts";

/** Verbs that take each other back; the first of each switches on. */
export const opposites = [
  ["on", "off"],
  ["start", "stop"],
  ["enable", "disable"],
  ["up", "down"],
  ["open", "close"],
  ["lock", "unlock"],
] as const;

export interface States {
  /** The verb that switches on. */
  readonly verb: string;
  readonly on: string;
  readonly off: string;
}

/** Without a pair that is known the first of two verbs switches on. */
export const statesOf = (verbs: readonly string[]): States => {
  const [on, off] = opposites.find((pair) => pair.some((verb) => verbs.includes(verb))) ?? [];
  if (on !== undefined && off !== undefined) return { verb: on, on, off };
  const [first = "on", second] = verbs;
  return second === undefined ? { verb: first, on: "on", off: "off" } : { verb: first, on: first, off: second };
};

/** Of what the pack lists: the words of the first capability that switches it. */
export const listedStates = ({ capabilities }: Choices): States =>
  statesOf(capabilities.find(({ isRead }) => !isRead)?.verbs ?? []);
