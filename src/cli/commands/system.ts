/** The system itself: what is wrong with it, and what it does by itself. */
import { listInstances } from "../client/find.ts";
import type { Page } from "../client/wire.ts";
import type { Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson, type Session } from "../session.ts";
import { printTable } from "../view/table.ts";
import { oneLine } from "../view/terminal.ts";
import { duration, styleOf, until } from "../view/words.ts";

interface Diagnosis {
  readonly ok: boolean;
  readonly version: string;
  readonly checks: readonly {
    readonly check: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly next_step?: string;
  }[];
}
interface Schedule {
  readonly id: string;
  readonly instance_id: string;
  readonly kind: string;
  readonly every_s: number;
  readonly paused: boolean;
  readonly next_run_at: string | null;
  readonly last_state: string | null;
}

const doctor = async (session: Session): Promise<ExitCode> => {
  const { terminal, api } = session;
  const found = await api.read<Diagnosis>("/api/doctor");
  if (session.isJson) printJson(session, found);
  else {
    const width = Math.max(...found.checks.map(({ check }) => check.length));
    terminal.print(`Switchyard ${found.version} at ${api.server.url}`);
    for (const { check, ok, detail, next_step } of found.checks) {
      const mark = ok ? terminal.style("green", "ok    ") : terminal.style("red", "not ok");
      terminal.print(`  ${mark}  ${check.padEnd(width)}  ${oneLine(detail)}`);
      if (next_step !== undefined) terminal.print(`          ${terminal.style("cyan", "->")} ${oneLine(next_step)}`);
    }
  }
  return found.ok ? exitCodes.succeeded : exitCodes.failed;
};

const schedules = async (session: Session): Promise<undefined> => {
  const page = await session.api.read<Page<Schedule>>("/api/schedules");
  if (session.isJson) return void printJson(session, page);
  const names = new Map((await listInstances(session.api)).map(({ instance_id, name }) => [instance_id, name]));
  const now = session.now();
  const columns = [
    {
      title: "INSTANCE",
      value: (row: Schedule) => names.get(row.instance_id) ?? row.instance_id,
      style: () => "bold" as const,
    },
    { title: "KIND", value: ({ kind }: Schedule) => kind },
    { title: "EVERY", value: ({ every_s }: Schedule) => duration(every_s) },
    { title: "NEXT", value: (row: Schedule) => (row.paused ? "paused" : until(row.next_run_at, now)) },
    {
      title: "LAST",
      value: ({ last_state }: Schedule) => last_state ?? "-",
      style: ({ last_state }: Schedule) => styleOf(last_state ?? ""),
    },
    { title: "ID", isWhole: true, value: ({ id }: Schedule) => id, style: () => "dim" as const },
  ];
  printTable(session.terminal, page.items, columns, "Nothing is scheduled.");
};

export const systemCommands: Group = (program, act) => {
  program.command("doctor").description("what is wrong, and what to do about it").action(act(doctor));
  program.command("schedules").description("what the runner does by itself").action(act(schedules));
};
