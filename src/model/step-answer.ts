/** What the answers of steps say about the steps themselves. */
import { isJsonObject } from "./json.ts";
import type { JournalEntry, StepAnswer } from "./plan.ts";

/** False for a step of which it is known that no byte of it left: nothing happened on the device. */
export const wasSent = ({ answer }: StepAnswer): boolean => !(isJsonObject(answer) && answer["sent"] === false);

export interface JournalProgress {
  /** What left, or may have; in the order of the journal. */
  readonly sent: readonly JournalEntry[];
  /** How many of them the device took: one that it refused is none. */
  readonly done: number;
  /** Something was sent and never answered. */
  readonly isUnknown: boolean;
}

/** How far a job's writes got. */
export const progressOf = (journal: readonly JournalEntry[]): JournalProgress => {
  const sent = journal.filter(({ answer }) => answer === null || wasSent(answer));
  const done = sent.filter(({ answer }) => answer?.ok === true).length;
  return { sent, done, isUnknown: sent.some(({ answeredAt }) => answeredAt === null) };
};
