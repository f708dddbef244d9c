/** Who may do what, and who did: whoami, tokens, the audit log. */
import { type Role, roles } from "../../model/principal.ts";
import { findInstance, listInstances } from "../client/find.ts";
import type { Page } from "../client/wire.ts";
import { collected, type Group } from "../command.ts";
import { usage } from "../failure.ts";
import { didYouMean } from "../nearest.ts";
import { printJson, type Session } from "../session.ts";
import { printTable } from "../view/table.ts";
import { ago, until } from "../view/words.ts";

interface Principal {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly instances: readonly string[] | null;
}
interface Token extends Principal {
  readonly expires_at: string | null;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly token?: string;
}
interface AuditEntry {
  readonly at: string;
  readonly principal: { readonly name: string };
  readonly action: string;
  readonly object: { readonly type: string; readonly id: string | null };
  readonly address: string | null;
  readonly outcome: string;
}

const named = (ids: readonly string[] | null, names: ReadonlyMap<string, string>): string =>
  ids === null ? "all" : ids.map((id) => names.get(id) ?? id).join(" ") || "none";

const instanceNames = async ({ api }: Session): Promise<ReadonlyMap<string, string>> =>
  new Map((await listInstances(api)).map(({ instance_id, name }) => [instance_id, name]));

const whoami = async (session: Session): Promise<undefined> => {
  const me = await session.api.read<Principal>("/api/whoami");
  if (session.isJson) return void printJson(session, me);
  const sees = me.instances === null ? "all instances" : named(me.instances, await instanceNames(session));
  session.terminal.print(`${me.name} (${me.role}) sees ${sees}, at ${session.api.server.url}`);
};

const isEnded = ({ revoked_at, expires_at }: Token, now: number): boolean =>
  revoked_at !== null || (expires_at !== null && Date.parse(expires_at) < now);

const listTokens = async (session: Session): Promise<undefined> => {
  const page = await session.api.read<Page<Token>>("/api/tokens");
  if (session.isJson) return void printJson(session, page);
  const names = await instanceNames(session);
  const now = session.now();
  const ends = (token: Token): string => {
    if (token.revoked_at !== null) return `revoked ${ago(token.revoked_at, now)}`;
    return isEnded(token, now) ? `expired ${ago(token.expires_at, now)}` : until(token.expires_at, now);
  };
  const columns = [
    { title: "TOKEN", isWhole: true, value: ({ id }: Token) => id, style: () => "bold" as const },
    { title: "NAME", value: ({ name }: Token) => name },
    { title: "ROLE", value: ({ role }: Token) => role },
    { title: "INSTANCES", value: ({ instances }: Token) => named(instances, names) },
    { title: "MADE", value: ({ created_at }: Token) => ago(created_at, now) },
    { title: "ENDS", value: ends, style: (row: Token) => (isEnded(row, now) ? ("dim" as const) : undefined) },
  ];
  printTable(session.terminal, page.items, columns, "There is no token.");
};

interface CreateOptions {
  readonly name: string;
  readonly role: string;
  readonly expires?: string;
  readonly instance: readonly string[];
}

const createToken = async (session: Session, _args: readonly string[], options: CreateOptions): Promise<undefined> => {
  const { name, role, expires, instance } = options;
  if (!roles.some((known) => known === role)) {
    throw usage(`--role: expected one of ${roles.join(", ")}.`, didYouMean(role, roles));
  }
  const found = await Promise.all(instance.map((asked) => findInstance(session.api, asked)));
  const body = {
    ...{ name, role },
    ...(expires === undefined ? {} : { expires_at: expires }),
    ...(found.length === 0 ? {} : { instances: found.map(({ instance_id }) => instance_id) }),
  };
  const { body: token } = await session.api.ask<Token>("POST", "/api/tokens", { body });
  if (session.isJson) return void printJson(session, token);
  session.terminal.print(token.token ?? "");
  session.terminal.note(`This is ${token.id}. It is shown this once.`);
};

const revokeToken = async (session: Session, [id = ""]: readonly string[]): Promise<undefined> => {
  await session.api.ask("DELETE", `/api/tokens/${encodeURIComponent(id)}`);
  if (!session.isJson) session.terminal.print(`${id} is revoked`);
};

const audit = async (
  session: Session,
  _args: readonly string[],
  { limit, cursor }: { readonly limit?: string; readonly cursor?: string },
): Promise<undefined> => {
  const page = await session.api.read<Page<AuditEntry>>("/api/audit", { limit, cursor });
  if (session.isJson) return void printJson(session, page);
  const columns = [
    { title: "AT", value: ({ at }: AuditEntry) => at.replace("T", " ").slice(0, 19) },
    { title: "WHO", value: ({ principal }: AuditEntry) => principal.name, style: () => "bold" as const },
    { title: "ACTION", value: ({ action }: AuditEntry) => action },
    { title: "ON", value: ({ object }: AuditEntry) => object.id ?? object.type },
    { title: "FROM", value: ({ address }: AuditEntry) => address ?? "-" },
    { title: "OUTCOME", value: ({ outcome }: AuditEntry) => outcome },
  ];
  printTable(session.terminal, page.items, columns, "Nothing was asked for yet.");
  if (page.next_cursor !== null) session.terminal.note(`More: --cursor ${page.next_cursor}`);
};

export const accessCommands: Group = (program, act) => {
  program.command("whoami").description("who the token makes you, and on which server").action(act(whoami));
  const token = program.command("token").description("make, list and revoke tokens");
  token
    .command("create")
    .description("make a token; it is shown once")
    .requiredOption("--name <name>", "what to call it")
    .requiredOption("--role <role>", roles.join(", "))
    .option("--expires <time>", "works until then (ISO 8601)")
    .option("--instance <instance>", "sees only this instance; may be repeated", collected, [])
    .action(act(createToken));
  token.command("list").description("list the tokens, without what makes them work").action(act(listTokens));
  token.command("revoke <id>").description("end a token and its open streams").action(act(revokeToken));
  program
    .command("audit")
    .description("who asked for what, the newest first")
    .option("--limit <number>", "at most so many (default: 50)")
    .option("--cursor <cursor>", "go on where a list ended")
    .action(act(audit));
};
