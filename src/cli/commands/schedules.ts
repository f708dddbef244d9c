/** Schedules: what the runner does by itself, and pausing it. */
import { findInstance, listInstances, paths } from "../client/find.ts";
import type { Page, ScheduleDocument } from "../client/wire.ts";
import { type Group, oneOf } from "../command.ts";
import { notFound } from "../failure.ts";
import { printJson, type Session } from "../session.ts";
import { type Column, printTable } from "../view/table.ts";
import { duration, styleOf, until } from "../view/words.ts";

const what: Readonly<Record<string, string>> = {
  "instance.test_connection": "heartbeat",
  "instance.refresh_inventory": "refresh",
};
const kinds = Object.values(what);

const readAll = async ({ api }: Session): Promise<Page<ScheduleDocument>> => api.read(paths.schedules);

/** Jobs of schedules that succeeded are not kept for long: one that is gone went well. */
const lastOf = ({ last_state, last_job_id }: ScheduleDocument): string =>
  last_state ?? (last_job_id === null ? "not yet" : "succeeded");

const columnsFor = (names: ReadonlyMap<string, string>, now: number): readonly Column<ScheduleDocument>[] => [
  { title: "INSTANCE", value: (row) => names.get(row.instance_id) ?? row.instance_id, style: () => "bold" },
  { title: "WHAT", isWhole: true, value: ({ kind }) => what[kind] ?? kind },
  { title: "EVERY", isWhole: true, value: ({ every_s }) => duration(every_s) },
  {
    title: "NEXT",
    isWhole: true,
    value: (row) => (row.paused ? "paused" : until(row.next_run_at, now)),
    style: ({ paused }) => (paused ? "yellow" : undefined),
  },
  { title: "LAST", isWhole: true, value: lastOf, style: (row) => styleOf(lastOf(row)) },
  { title: "ID", isExtra: true, isWhole: true, value: ({ id }) => id, style: () => "dim" },
];

const instanceNames = async ({ api }: Session): Promise<ReadonlyMap<string, string>> =>
  new Map((await listInstances(api)).map(({ instance_id, name }) => [instance_id, name]));

const list = async (session: Session): Promise<undefined> => {
  const page = await readAll(session);
  if (session.isJson) return void printJson(session, page);
  const columns = columnsFor(await instanceNames(session), session.now());
  printTable(session.terminal, page.items, columns, "Nothing is scheduled.");
  const note = "A heartbeat is left out when its device was reached otherwise meanwhile.";
  session.terminal.note(session.terminal.styleError("dim", note));
};

interface ChangeOptions {
  readonly kind?: string;
}

/** One schedule by its id, or those of an instance. */
const meant = async (
  session: Session,
  asked: string,
  { kind }: ChangeOptions,
): Promise<readonly ScheduleDocument[]> => {
  const { items } = await readAll(session);
  const byId = items.filter(({ id }) => id === asked || (asked.startsWith("sch_") && id.startsWith(asked)));
  if (byId.length > 0) return byId;
  const { instance_id, name } = await findInstance(session.api, asked);
  const own = items.filter((item) => item.instance_id === instance_id && (!kind || what[item.kind] === kind));
  if (own.length === 0) throw notFound(`${name} has no such schedule.`, ["Its type says whether it has any."]);
  return own;
};

const change =
  (way: "pause" | "resume") =>
  async (session: Session, [asked = ""]: readonly string[], options: ChangeOptions): Promise<undefined> => {
    const found = await meant(session, asked, options);
    const items: ScheduleDocument[] = [];
    for (const { id } of found) {
      items.push((await session.api.ask<ScheduleDocument>("POST", `${paths.schedules}/${id}/${way}`)).body);
    }
    if (session.isJson) return void printJson(session, { items, next_cursor: null });
    const names = await instanceNames(session);
    for (const { instance_id, kind, paused } of items) {
      const whose = names.get(instance_id) ?? instance_id;
      session.terminal.print(`${whose}: ${what[kind] ?? kind} ${paused ? "is paused" : "ticks"}`);
    }
  };

export const scheduleCommands: Group = (program, act) => {
  const schedules = program
    .command("schedules")
    .description("what the runner does by itself; pause and resume it")
    .action(act(list));
  for (const [way, words] of [
    ["pause", "stop what the runner does to an instance by itself"],
    ["resume", "let it go on"],
  ] as const) {
    schedules
      .command(`${way} <schedule>`)
      .description(`${words}: a schedule's id, or an instance for all of its`)
      .option("--kind <kind>", `with an instance: only its ${kinds.join(" or ")}`, oneOf("--kind", kinds))
      .action(act(change(way)));
  }
};
