/** The vault: which master key there is, who has it, and its exchange. */
import type { JobDocument } from "../client/wire.ts";
import { enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { type Column, printTable } from "../view/table.ts";

interface Vault {
  readonly key_id: string | null;
  readonly rotation: { readonly phase: string; readonly from: string; readonly to: string } | null;
  readonly sealed_secrets: Readonly<Record<string, number>>;
  readonly processes: readonly Holder[];
}
interface Holder {
  readonly process_id: string;
  readonly host: string;
  readonly role: string;
  readonly key_id: string;
  readonly starts_with: string;
  readonly problem: string | null;
}

const columns: readonly Column<Holder>[] = [
  { title: "HOST", value: ({ host }) => host, style: () => "bold" },
  { title: "ROLE", value: ({ role }) => role },
  { title: "SEALS WITH", isWhole: true, value: ({ key_id }) => key_id },
  { title: "STARTS WITH", isWhole: true, value: ({ starts_with }) => starts_with },
  { title: "PROBLEM", value: ({ problem }) => problem ?? "-", style: ({ problem }) => (problem ? "red" : undefined) },
];

/** Everything is under one key, and every process would start with it. */
const isInOrder = ({ key_id, rotation, sealed_secrets, processes }: Vault): boolean =>
  rotation === null &&
  Object.keys(sealed_secrets).every((id) => id === key_id) &&
  processes.every((one) => one.problem === null && one.starts_with === key_id);

const check = async (session: Session): Promise<ExitCode> => {
  const vault = await session.api.read<Vault>("/api/vault");
  const code = isInOrder(vault) ? exitCodes.succeeded : exitCodes.failed;
  if (session.isJson) {
    printJson(session, vault);
    return code;
  }
  const { terminal } = session;
  terminal.print(`Master key ${vault.key_id ?? "(nothing was sealed yet)"}`);
  for (const [id, count] of Object.entries(vault.sealed_secrets)) terminal.print(`  ${count} secrets under ${id}`);
  if (vault.rotation !== null) {
    terminal.print(`An exchange from ${vault.rotation.from} to ${vault.rotation.to} is not over.`);
    terminal.note("Go on with it: npx switchyard secrets rotate --watch");
  }
  printTable(terminal, vault.processes, columns, "No process says which key it has.");
  return code;
};

const rotate = async (session: Session, _args: readonly string[], options: FollowOptions): Promise<ExitCode> =>
  finish(session, (await session.api.ask<JobDocument>("POST", "/api/vault/rotate", { enqueues: true })).body, options);

export const secretCommands: Group = (program, act) => {
  const secrets = program.command("secrets").description("the master key: look at it, exchange it");
  secrets
    .command("check")
    .description("which key seals, and which process has it; 1 when not all agree")
    .action(act(check));
  enqueuing(secrets.command("rotate"))
    .description("seal every secret with a new master key, while everything goes on")
    .action(act(rotate));
};
