/** What every command gets: the client, the terminal, and the options that all share. */
import type { Json } from "../model/json.ts";
import type { Alone } from "./alone.ts";
import type { Client } from "./client/http.ts";
import { plainJson } from "./view/terminal.ts";

export interface Session extends Alone {
  readonly api: Client;
  /** What a person edits texts with. */
  readonly editor: string;
}

/** One document: on one line in a pipe, readable on a terminal. */
export const printJson = ({ terminal }: Pick<Session, "terminal">, value: unknown): void =>
  terminal.print(plainJson(JSON.stringify(value as Json, null, terminal.isLive ? 2 : 0)));
