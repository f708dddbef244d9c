/** A plan as a person reads it: may it be done, what would be sent, what would change. */
import type { PlanDocument } from "../client/wire.ts";
import { oneLine, plain, type Terminal } from "./terminal.ts";
import { shown } from "./words.ts";

const preconditions = (terminal: Terminal, { preconditions }: PlanDocument): void => {
  const width = Math.max(0, ...preconditions.map(({ check }) => check.length));
  for (const { check, ok, details } of preconditions) {
    const mark = ok ? terminal.style("green", "ok    ") : terminal.style("red", "not ok");
    const text = details === undefined ? "" : `  ${terminal.style("dim", oneLine(shown(details)))}`;
    terminal.print(`  ${mark}  ${oneLine(check).padEnd(text === "" ? 0 : width)}${text}`);
  }
};

const section = (terminal: Terminal, title: string, lines: readonly string[]): void => {
  if (lines.length === 0) return;
  terminal.print(terminal.style("bold", title));
  for (const line of lines) terminal.print(`  ${line}`);
};

/** Behind the last space that is within `width`, else there; never between the halves of one sign. */
const endOfRow = (text: string, width: number): number => {
  const isHalved = (text.codePointAt(width - 1) ?? 0) > 0xffff;
  return text.lastIndexOf(" ", width - 1) + 1 || (isHalved ? width - 1 : width);
};

/** The text in rows of at most `width`, broken behind a space where there is one: every sign of it is shown. */
const rowsOf = (text: string, width: number): readonly string[] => {
  const rows: string[] = [];
  let left = text;
  while (left.length > width) {
    const end = endOfRow(left, width);
    rows.push(left.slice(0, end));
    left = left.slice(end);
  }
  return [...rows, left];
};

/** A call with its number; what else it sends, and what does not fit its line, stands below. */
const callLines = (terminal: Terminal, preview: string, number: number): readonly string[] => {
  const mark = `${number}. `;
  const width = Math.max(20, terminal.width - mark.length - 2);
  const rows = preview.split("\n").flatMap((line) => rowsOf(plain(line), width));
  return rows.map((row, index) => `${index === 0 ? mark : " ".repeat(mark.length)}${terminal.style("cyan", row)}`);
};

/** The effects, one line per target. */
export const effectLines = (terminal: Terminal, effects: PlanDocument["effects"]["per_target"]): string[] =>
  effects.map(({ id, from, to }) => {
    if ((from ?? null) === null && (to ?? null) === null) return oneLine(id);
    const values = [from, to].map((value) => terminal.style("bold", oneLine(shown(value))));
    return `${oneLine(id)}: ${values.join(" -> ")}`;
  });

/** Its targets look afterwards as they do before. */
export const leavesAsIs = ({ effects }: Pick<PlanDocument, "effects">): boolean =>
  effects.per_target.every(({ from, to }) => JSON.stringify(from) === JSON.stringify(to));

/** Nothing would be sent, and that is all that could be. */
export const isNoop = (plan: PlanDocument): boolean =>
  plan.ok && plan.pinned && (plan.plan.preview ?? []).length === 0 && leavesAsIs(plan);

export const printPlan = (terminal: Terminal, plan: PlanDocument): void => {
  terminal.print(terminal.style("bold", oneLine(plan.effects.summary)));
  terminal.print();
  if (plan.preconditions.length > 0) terminal.print(terminal.style("bold", "Preconditions"));
  preconditions(terminal, plan);
  const calls = (plan.plan.preview ?? []).flatMap((preview, index) => callLines(terminal, preview, index + 1));
  section(terminal, "Calls", calls.length > 0 ? calls : [terminal.style("dim", "none: nothing would be sent")]);
  section(terminal, "Changes", effectLines(terminal, plan.effects.per_target));
  section(terminal, "Notes", (plan.plan.notes ?? []).map(oneLine));
  if (!plan.pinned)
    terminal.print(
      terminal.style("yellow", "Not pinned: the driver decides what is sent, within what its manifest allows."),
    );
  terminal.print();
};
