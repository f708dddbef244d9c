/** The system itself: what is wrong with it, and who asked it for what. */
import { shortId } from "../client/find.ts";
import type { Page } from "../client/wire.ts";
import type { Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson, type Session } from "../session.ts";
import { type Column, printTable } from "../view/table.ts";
import { oneLine } from "../view/terminal.ts";
import { wrapped } from "../view/wrap.ts";

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
interface AuditEntry {
  readonly at: string;
  readonly principal: { readonly name: string };
  readonly action: string;
  readonly object: { readonly type: string; readonly id: string | null };
  readonly address: string | null;
  readonly outcome: string;
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
      const print = (line: string): void => terminal.print(wrapped(line, terminal.width));
      print(`  ${mark}  ${check.padEnd(width)}  ${oneLine(detail)}`);
      if (next_step !== undefined) print(`          ${terminal.style("cyan", "->")} ${oneLine(next_step)}`);
    }
  }
  return found.ok ? exitCodes.succeeded : exitCodes.failed;
};

const objectOf = ({ object }: AuditEntry): string => object.id ?? object.type;

const auditColumns: readonly Column<AuditEntry>[] = [
  {
    title: "AT",
    isWhole: true,
    value: ({ at }) => at.replace("T", " ").slice(0, 19),
    short: ({ at }) => at.replace("T", " ").slice(5, 19),
  },
  { title: "WHO", value: ({ principal }) => principal.name, style: () => "bold" },
  { title: "ACTION", value: ({ action }) => action },
  { title: "ON", isWhole: true, value: objectOf, short: (entry) => shortId(objectOf(entry)) },
  { title: "OUTCOME", value: ({ outcome }) => outcome },
  { title: "FROM", isExtra: true, value: ({ address }) => address ?? "-" },
];

const audit = async (
  session: Session,
  _args: readonly string[],
  { limit, cursor }: { readonly limit?: string; readonly cursor?: string },
): Promise<undefined> => {
  const page = await session.api.read<Page<AuditEntry>>("/api/audit", { limit, cursor });
  if (session.isJson) return void printJson(session, page);
  printTable(session.terminal, page.items, auditColumns, "Nothing was asked for yet.");
  if (page.next_cursor !== null) session.terminal.note(`More: --cursor ${page.next_cursor}`);
};

export const systemCommands: Group = (program, act) => {
  program.command("doctor").description("what is wrong, and what to do about it").action(act(doctor));
  program
    .command("audit")
    .description("who asked for what, the newest first")
    .option("--limit <number>", "at most so many (default: 50)")
    .option("--cursor <cursor>", "go on where a list ended")
    .action(act(audit));
};
