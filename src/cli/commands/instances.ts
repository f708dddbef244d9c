/** Instances: list, add, delete, test. */
import { timesOf } from "../../model/ids.ts";
import { agree } from "../agree.ts";
import { call, form } from "../called.ts";
import { findInstance, findType, listInstances, paths } from "../client/find.ts";
import type { InstanceDocument, JobDocument, Page, ScheduleDocument } from "../client/wire.ts";
import { collected, enqueuing, type Group } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { secretsOf, valuesOf } from "../values.ts";
import { type Column, printTable } from "../view/table.ts";
import { ago, styleOf } from "../view/words.ts";

/** When each device was last reached: by its test, or by what a schedule did with success since. */
const contacts = async ({ api }: Session): Promise<ReadonlyMap<string, number>> => {
  const { items } = await api.read<Page<ScheduleDocument>>(paths.schedules);
  const times = new Map<string, number>();
  for (const { instance_id, last_job_id, last_state } of items) {
    // A job of a schedule that is gone went well: only those are not kept.
    const isGood = last_job_id !== null && (last_state === "succeeded" || last_state === null);
    const at = isGood ? (timesOf(last_job_id)?.[0] ?? 0) : 0;
    times.set(instance_id, Math.max(at, times.get(instance_id) ?? 0));
  }
  return times;
};

/** What was wrong before a change says nothing of what is there now. */
const noteOf = ({ state, type_id, last_test, updated_at, last_error, flags }: InstanceDocument): string => {
  if (state === "type_unavailable") return `Its type is gone: install ${type_id} again.`;
  const isUntested = state === "needs_review" && Date.parse(updated_at) > Date.parse(last_test ?? updated_at);
  if (isUntested) return "Changed since it was tested: its writes wait for a test.";
  return last_error?.detail ?? flags.join(" ");
};

const list = async (session: Session): Promise<undefined> => {
  const instances = await listInstances(session.api);
  if (session.isJson) return void printJson(session, instances);
  const now = session.now();
  const times = await contacts(session);
  const reached = ({ instance_id, last_test, state }: InstanceDocument): string => {
    const since = state === "connected" || state === "degraded" ? (times.get(instance_id) ?? 0) : 0;
    const at = Math.max(since, last_test === null ? 0 : Date.parse(last_test));
    return ago(at === 0 ? null : new Date(at).toISOString(), now);
  };
  const columns: readonly Column<InstanceDocument>[] = [
    { title: "INSTANCE", isWhole: true, value: ({ name }) => name, style: () => "bold" },
    { title: "STATE", isWhole: true, value: ({ state }) => state, style: ({ state }) => styleOf(state) },
    { title: "TYPE", value: ({ type_id }) => type_id },
    { title: "CHECKED", isWhole: true, value: reached },
    { title: "NOTE", value: noteOf },
    { title: "ID", isWhole: true, isExtra: true, value: ({ instance_id }) => instance_id, style: () => "dim" },
  ];
  const isNoteless = instances.every((instance) => noteOf(instance) === "");
  const shown = isNoteless ? columns.filter(({ title }) => title !== "NOTE") : columns;
  const none = `There is no instance. Add one: ${form("add <type> --name N")}`;
  printTable(session.terminal, instances, shown, none);
};

interface AddOptions {
  readonly name: string;
  readonly set: readonly string[];
  readonly secret: readonly string[];
}

const add = async (session: Session, [asked = ""]: readonly string[], options: AddOptions): Promise<undefined> => {
  const type = await findType(session.api, asked);
  const schema = type.schema_connection;
  const config = valuesOf({ pairs: options.set, option: "--set", schema });
  const secrets = await secretsOf(session, { pairs: options.secret, option: "--secret", schema });
  const body = { type_id: type.id, name: options.name, config, secrets };
  const { body: instance } = await session.api.ask<InstanceDocument>("POST", paths.instances, { body });
  if (session.isJson) return void printJson(session, instance);
  const { terminal } = session;
  terminal.print(
    `${terminal.style("bold", instance.name)} ${terminal.style("dim", instance.instance_id)} ${instance.state}`,
  );
  for (const warning of instance.warnings ?? []) terminal.note(terminal.styleError("yellow", `warning: ${warning}`));
  terminal.note(`Test it with: ${call("test", instance.name)}`);
};

const remove = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: { readonly yes?: boolean },
): Promise<undefined> => {
  const { api, terminal, isJson } = session;
  const { instance_id, name } = await findInstance(api, asked);
  const asks = `Delete ${name} with its secrets, inventory and schedules?`;
  await agree(session, { asks, otherwise: "Nothing was deleted.", yes: options.yes });
  await api.ask("DELETE", `${paths.instances}/${instance_id}`);
  if (isJson) printJson(session, null);
  else terminal.print(`${name} is deleted`);
};

/** A test is asked for its outcome, so it is waited for. */
const test = async (session: Session, [asked = ""]: readonly string[], options: FollowOptions): Promise<ExitCode> => {
  const { instance_id } = await findInstance(session.api, asked);
  const path = `${paths.instances}/${instance_id}/test`;
  const { body } = await session.api.ask<JobDocument>("POST", path, { enqueues: true });
  return finish(session, body, { wait: true, ...options });
};

export const instanceCommands: Group = (program, act) => {
  program.command("instances").description("list the instances").action(act(list));
  program
    .command("add <type>")
    .description("make an instance of a type")
    .requiredOption("--name <name>", "what to call it")
    .option("--set <name=value>", "a field of its config; may be repeated", collected, [])
    .option("--secret <name=@file|name=->", "a secret from a file or standard input; may be repeated", collected, [])
    // Of a type that is named the server knows a better one.
    .addHelpText("after", ({ command }) =>
      command.args.some((word) => !word.startsWith("-"))
        ? ""
        : "\nExample:\n  $ npx switchyard add walnut.proxmox.ve --name pve --set host=pve.lan --set port=8006 \\\n      --set token_name=root@pam!ci --secret api_token=@token",
    )
    .action(act(add));
  program
    .command("delete <instance>")
    .description("delete an instance with its secrets, inventory and schedules")
    .option("--yes", "do not ask")
    .action(act(remove));
  enqueuing(program.command("test <instance>"))
    .description("test the connection, and wait for what comes out")
    .action(act(test));
};
