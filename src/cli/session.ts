/** What every command gets: the client, the terminal, and the options that all share. */
import type { Json } from "../model/json.ts";
import type { Client } from "./client/http.ts";
import type { Terminal } from "./view/terminal.ts";

export interface Session {
  readonly api: Client;
  readonly terminal: Terminal;
  /** Print the API's own JSON. */
  readonly isJson: boolean;
  /** Aborts when the person leaves. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** What a person edits texts with. */
  readonly editor: string;
}

/** One document: on one line in a pipe, readable on a terminal. */
export const printJson = ({ terminal }: Pick<Session, "terminal">, value: unknown): void =>
  terminal.print(JSON.stringify(value as Json, null, terminal.isLive ? 2 : 0));
