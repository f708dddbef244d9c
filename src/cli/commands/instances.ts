/** Instances: list, add, delete, test. */
import { findInstance, findType, listInstances, paths } from "../client/find.ts";
import type { InstanceDocument, JobDocument } from "../client/wire.ts";
import { collected, enqueuing, type Group } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { declined } from "../failure.ts";
import { type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { secretsOf, valuesOf } from "../values.ts";
import { printTable } from "../view/table.ts";
import { ago, styleOf } from "../view/words.ts";

const list = async (session: Session): Promise<undefined> => {
  const instances = await listInstances(session.api);
  if (session.isJson) return void printJson(session, instances);
  const now = session.now();
  const columns = [
    { title: "INSTANCE", isWhole: true, value: ({ name }: InstanceDocument) => name, style: () => "bold" as const },
    {
      title: "STATE",
      value: ({ state }: InstanceDocument) => state,
      style: (row: InstanceDocument) => styleOf(row.state),
    },
    { title: "TYPE", value: ({ type_id }: InstanceDocument) => type_id },
    { title: "TESTED", value: ({ last_test }: InstanceDocument) => ago(last_test, now) },
    {
      title: "ID",
      isWhole: true,
      value: ({ instance_id }: InstanceDocument) => instance_id,
      style: () => "dim" as const,
    },
    {
      title: "NOTE",
      value: ({ last_error, flags }: InstanceDocument) => last_error?.detail ?? flags.join(" "),
    },
  ];
  const isNoteless = instances.every(({ last_error, flags }) => last_error === null && flags.length === 0);
  const shown = isNoteless ? columns.slice(0, -1) : columns;
  printTable(session.terminal, instances, shown, "There is no instance. Add one: switchyard add <type> --name N");
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
  terminal.note(`Test it with: switchyard test ${instance.name}`);
};

const remove = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: { readonly yes?: boolean },
): Promise<undefined> => {
  const { api, terminal, isJson } = session;
  const { instance_id, name } = await findInstance(api, asked);
  if (!options.yes && terminal.canAsk) {
    const question = `Delete ${name} with its secrets, inventory and schedules? [y/N] `;
    if (!(await terminal.confirm(question))) throw declined("Nothing was deleted.");
  }
  await api.ask("DELETE", `${paths.instances}/${instance_id}`);
  if (!isJson) terminal.print(`${name} is deleted`);
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
    .addHelpText(
      "after",
      "\nExample:\n  $ switchyard add walnut.proxmox.ve --name pve --set host=pve.lan --set port=8006 \\\n      --set token_name=root@pam!ci --secret api_token=@token",
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
