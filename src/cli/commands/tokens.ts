/** Tokens: make, list, revoke; and who one is. */
import { type Role, roles } from "../../model/principal.ts";
import { agree } from "../agree.ts";
import { findInstance, findToken, listInstances, paths, shortId } from "../client/find.ts";
import type { Page, TokenDocument } from "../client/wire.ts";
import { collected, type Group, oneOf } from "../command.ts";
import { printJson, type Session } from "../session.ts";
import { timeOf } from "../values.ts";
import { type Column, printTable } from "../view/table.ts";
import { ago, until } from "../view/words.ts";

interface Principal {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly instances: readonly string[] | null;
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

const isEnded = ({ revoked_at, expires_at }: TokenDocument, now: number): boolean =>
  revoked_at !== null || (expires_at !== null && Date.parse(expires_at) < now);

const endOf = (token: TokenDocument, now: number): string => {
  if (token.revoked_at !== null) return `revoked ${ago(token.revoked_at, now)}`;
  if (isEnded(token, now)) return `expired ${ago(token.expires_at, now)}`;
  return token.expires_at === null ? "never" : until(token.expires_at, now);
};

const tokenColumns = (names: ReadonlyMap<string, string>, now: number): readonly Column<TokenDocument>[] => [
  { title: "TOKEN", isWhole: true, value: ({ id }) => id, short: ({ id }) => shortId(id), style: () => "bold" },
  { title: "NAME", value: ({ name }) => name },
  { title: "ROLE", isWhole: true, value: ({ role }) => role },
  {
    title: "ENDS",
    isWhole: true,
    value: (token) => endOf(token, now),
    style: (row) => (isEnded(row, now) ? "dim" : undefined),
  },
  { title: "INSTANCES", value: ({ instances }) => named(instances, names) },
  { title: "MADE", isExtra: true, value: ({ created_at }) => ago(created_at, now) },
];

const listTokens = async (session: Session): Promise<undefined> => {
  const page = await session.api.read<Page<TokenDocument>>(paths.tokens);
  if (session.isJson) return void printJson(session, page);
  const columns = tokenColumns(await instanceNames(session), session.now());
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
  const found = await Promise.all(instance.map((asked) => findInstance(session.api, asked)));
  const body = {
    ...{ name, role },
    ...(expires === undefined ? {} : { expires_at: timeOf(expires, session.now(), "to come") }),
    ...(found.length === 0 ? {} : { instances: found.map(({ instance_id }) => instance_id) }),
  };
  const { body: token } = await session.api.ask<TokenDocument>("POST", paths.tokens, { body });
  if (session.isJson) return void printJson(session, token);
  session.terminal.print(token.token ?? "");
  session.terminal.note(`This is ${token.id}. It is shown this once.`);
};

interface RevokeOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
}

const revokeToken = async (session: Session, [asked = ""]: readonly string[], options: RevokeOptions) => {
  const { yes, force } = options;
  const { id, name, role } = await findToken(session.api, asked);
  const me = await session.api.read<Principal>("/api/whoami");
  const own = me.id === id ? ", the one you are using" : "";
  const asks = `Revoke ${id} (${name}, ${role}${own})? Its open streams end, and it never works again.`;
  await agree(session, { asks, otherwise: "It still works.", yes });
  const query = force ? { force: true } : {};
  await session.api.ask("DELETE", `${paths.tokens}/${encodeURIComponent(id)}`, { query });
  if (session.isJson) printJson(session, null);
  else session.terminal.print(`${id} is revoked`);
  return undefined;
};

export const tokenCommands: Group = (program, act) => {
  program.command("whoami").description("who the token makes you, and on which server").action(act(whoami));
  const token = program.command("token").description("make, list and revoke tokens");
  token
    .command("create")
    .description("make a token; it is shown once")
    .requiredOption("--name <name>", "what to call it")
    .requiredOption("--role <role>", roles.join(", "), oneOf("--role", roles))
    .option("--expires <time>", "works so long, or until then: 8h, 30d from now, or a time (ISO 8601)")
    .option("--instance <instance>", "sees only this instance; may be repeated", collected, [])
    .action(act(createToken));
  token.command("list").description("list the tokens, without what makes them work").action(act(listTokens));
  token
    .command("revoke <token>")
    .description("end a token and its open streams")
    .option("--yes", "do not ask")
    .option("--force", "also the last one of an admin")
    .action(act(revokeToken));
};
