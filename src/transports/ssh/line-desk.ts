/** The ssh operations that speak to a shell: reads over the one that is kept for them, writes over the session's own. */
import { SwitchyardError } from "../../errors.ts";
import type { SshEndpoint } from "../../model/endpoint.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { linearRegExp } from "../../model/linear-pattern.ts";
import { normaliseSsh } from "../../model/ssh-step.ts";
import { misshapen, objectOf, refuseUnknown } from "../../model/step.ts";
import { shownText } from "../../model/terminal-text.ts";
import { itemsOf } from "../../model/transport-block.ts";
import { type DeskFacts, endpointFor, type Operations } from "../desk.ts";
import type { Wire } from "../wire.ts";
import { accessFor } from "./access.ts";
import { asAsked, onlyResult, type Run, repeated } from "./asked.ts";
import { droppedInAnswer } from "./failures.ts";
import { isReadCommand, type SshVia } from "./kind.ts";
import { lineResult } from "./session-step.ts";
import { Shell, type ShellOptions } from "./shell.ts";

const maxShells = 4;

/** The driver's own words about its shell, checked. */
const shellOptionsOf = (raw: Json | undefined): ShellOptions => {
  const { prompt, pager, ...others } = objectOf(raw ?? {}, "the shell's options");
  refuseUnknown(others, [], "a shell with prompt and pager,");
  if (prompt !== undefined && typeof prompt !== "string") throw misshapen("Expected `prompt` as a regular expression.");
  const patterns = itemsOf(pager).filter((pattern) => typeof pattern === "string");
  if (pager !== undefined && (!Array.isArray(pager) || patterns.length !== pager.length || patterns.length > 20)) {
    throw misshapen("Expected `pager` as a list of at most 20 patterns.");
  }
  if (prompt !== undefined) linearRegExp(prompt);
  return { ...(prompt === undefined ? {} : { prompt }), ...(pager === undefined ? {} : { pager: patterns }) };
};

/** The shells in which the driver writes: one for each session it holds, until it closes it or the call is over. */
const createWriters = (facts: DeskFacts) => {
  const shells = new Map<string, Promise<Shell>>();
  const close = (key: string): void => {
    shells.get(key)?.then(
      (shell) => shell.close(),
      () => undefined,
    );
    shells.delete(key);
  };
  facts.reads.addEventListener("abort", () => void facts.settled().then(() => [...shells.keys()].forEach(close)), {
    once: true,
  });
  const openFor =
    (key: string, endpoint: SshEndpoint, options: ShellOptions) =>
    async (wire: Wire): Promise<Shell> => {
      const known = await shells.get(key)?.catch(() => undefined);
      if (known !== undefined && !known.isClosed) return known;
      if (known === undefined && shells.size >= maxShells)
        throw misshapen(`Expected at most ${maxShells} ssh sessions that write at once.`);
      const { link } = accessFor(endpoint, wire);
      const opening = Shell.open(link, wire, options, { timeoutMs: wire.limits.timeoutMs, signal: wire.signal });
      shells.set(key, opening);
      return opening;
    };
  return { close, openFor };
};

/** A question ends a read as well: its shell is closed, nobody answers. */
const asksInstead = (line: string, question: string): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `The device answered the read "${line.slice(0, 80)}" with the question "${shownText(question)}": nothing was answered.`,
  });

const readLine = async (
  { endpoint, step, timeoutMs, onOutput }: Run,
  options: ShellOptions,
  facts: DeskFacts,
): Promise<Json> => {
  const wire: Wire = { ...facts.wire, signal: facts.reads };
  const startedAt = wire.around.now();
  const [line = ""] = step.commands ?? [];
  const limits = { signal: facts.reads, ...(onOutput === undefined ? {} : { onOutput }) };
  const read = async (leftMs: number) => {
    const ended = await accessFor(endpoint, wire).read(line, wire, options, { ...limits, timeoutMs: leftMs });
    if (ended.end === "question") throw asksInstead(line, wire.secrets.redact(ended.last));
    if (ended.end === "closed") throw droppedInAnswer(endpoint);
    return ended;
  };
  const ended = await repeated(read, { timeoutMs, wire });
  facts.record(step, { status: null, ms: Math.round(wire.around.now() - startedAt) });
  const { command: _, ...result } = lineResult(line, ended, wire);
  return result;
};

const lineKeys = ["transport", "session", "command", "options", "answers", "timeout_ms", "stream"];

/** The operations `ssh.line` and `ssh.close`. */
export const createLineDesk = (facts: DeskFacts): Operations => {
  const writers = createWriters(facts);

  const say = async (args: JsonObject): Promise<Json> => {
    refuseUnknown(args, lineKeys, "a line");
    const { command = null, answers, session = 0 } = args;
    const endpoint = endpointFor(args["transport"], "ssh", facts);
    const step = normaliseSsh({ commands: [command], ...(answers === undefined ? {} : { answers }) }, endpoint);
    const options = shellOptionsOf(args["options"]);
    const shell = writers.openFor(`${endpoint.name} ${String(session)}`, endpoint, options);
    const isRead = answers === undefined && isReadCommand(step.commands?.[0] ?? "", endpoint);
    return asAsked(args, { endpoint, step }, facts, async (run) => {
      if (isRead) return readLine(run, options, facts);
      const { timeoutMs, onOutput } = run;
      const via: SshVia = { shell, ...(onOutput === undefined ? {} : { onOutput }) };
      return onlyResult(await facts.write(step, endpoint, { timeoutMs, via }));
    });
  };

  const close = async ({ transport, session = 0 }: JsonObject): Promise<Json> => {
    writers.close(`${endpointFor(transport, "ssh", facts).name} ${String(session)}`);
    return null;
  };

  return { "ssh.line": say, "ssh.close": close };
};
