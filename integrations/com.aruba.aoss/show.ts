/** Reads over the switch's command line, one shell for all of a call. */
import type { SshClient } from "switchyard/sdk";
import { type Neighbour, parseNeighbours } from "./parse/lldp.ts";
import { refusalIn } from "./parse/problem.ts";

/** What a `show` command prints; also when the switch does not take it. */
export type Show = (command: string) => Promise<string>;

export const createShow = (ssh: SshClient, timeoutMs: number): Show => {
  const session = ssh.session();
  return async (command) => (await session.run(command, { timeout_ms: timeoutMs })).stdout;
};

/** What a command prints, or null where the switch does not have it. */
export const showIfKnown = async (show: Show, command: string): Promise<string | null> => {
  const text = await show(command);
  return refusalIn(text) === null ? text : null;
};

/** The neighbours by LLDP; none where the switch does not speak it. */
export const showNeighbours = async (show: Show): Promise<readonly Neighbour[]> => {
  const text = await showIfKnown(show, "show lldp info remote-device detail");
  return text === null || /LLDP is (?:disabled|not enabled)/i.test(text) ? [] : parseNeighbours(text);
};
