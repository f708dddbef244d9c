/** The ssh transport: what is a read, what a write may be, and how commands and files are sent. */
import { SwitchyardError } from "../../errors.ts";
import type { SshEndpoint } from "../../model/endpoint.ts";
import { compileLinePattern } from "../../model/pattern.ts";
import type { SshAnswer, SshStep, StepAnswer } from "../../model/plan.ts";
import { bytesText, previewOf, quoted, word } from "../../model/preview-text.ts";
import { normaliseSsh, sshStepKeys } from "../../model/ssh-step.ts";
import { unsent } from "../causes.ts";
import type { ReadyWrite, TransportKind } from "../kind.ts";
import type { Wire } from "../wire.ts";
import { accessFor } from "./access.ts";
import { type Command, type CommandResult, type OnOutput, runCommand } from "./exec.ts";
import type { SshLink } from "./link.ts";
import { readyPut } from "./put.ts";
import { sayCommands } from "./session-step.ts";
import { Shell } from "./shell.ts";

export const isReadCommand = (line: string, endpoint: SshEndpoint): boolean =>
  endpoint.reads.some((pattern) => pattern.matches(line));

/** What a driver's own write brings along. */
export interface SshVia {
  readonly onOutput?: OnOutput;
  /** The shell in which the driver's earlier writes were made; absent: each write has a shell or channel to itself. */
  readonly shell?: (wire: Wire) => Promise<Shell>;
}

interface ExecFacts {
  readonly link: SshLink;
  readonly wire: Wire;
  readonly via: SshVia;
}

const commandFor = (line: string, stdin: string | undefined, { wire, via }: ExecFacts): Command => ({
  line,
  ...(stdin === undefined ? {} : { stdin }),
  timeoutMs: wire.limits.timeoutMs,
  signal: wire.signal,
  meter: wire.around.meter,
  ...(via.onOutput === undefined ? {} : { onOutput: via.onOutput }),
});

const sinceMs = (startedAt: number, wire: Wire): number => Math.round((wire.around.now() - startedAt) * 10) / 10;

/** What a driver gets of a command: secrets that the device echoes stand behind their handles. */
export const shownResult = ({ exit_code, stdout, stderr }: CommandResult, { secrets }: Wire): CommandResult => ({
  exit_code,
  stdout: secrets.putBack(stdout),
  stderr: secrets.putBack(stderr),
});

/** One command of a step; a failure from before the device had it leaves nothing unknown. */
const executeOne = async (line: string, facts: ExecFacts, more: { stdin: string | undefined; isFirst: boolean }) => {
  let hasBegun = false;
  const begun = (): void => {
    hasBegun = true;
  };
  try {
    const result = await runCommand(facts.link, commandFor(line, more.stdin, facts), begun);
    return { command: line, ...shownResult(result, facts.wire) };
  } catch (thrown) {
    if (!(thrown instanceof SwitchyardError)) throw thrown;
    const isUntouched = more.isFirst && (!hasBegun || thrown.details["refused"] === true);
    throw isUntouched ? unsent(thrown) : thrown;
  }
};

/** Commands one after the other, each over a channel of its own; the first that does not exit with 0 ends it. */
const execute = async ({ commands = [], stdin }: SshStep, facts: ExecFacts): Promise<StepAnswer> => {
  const startedAt = facts.wire.around.now();
  const results: Awaited<ReturnType<typeof executeOne>>[] = [];
  let status: number | null = null;
  for (const command of commands) {
    const result = await executeOne(command, facts, { stdin, isFirst: results.length === 0 });
    results.push(result);
    status = result.exit_code;
    if (status !== 0 && status !== null) break;
  }
  return { ok: (status ?? 0) === 0, status, answer: { results, closed: false }, ms: sinceMs(startedAt, facts.wire) };
};

const preparePut = async (put: NonNullable<SshStep["put"]>, { link, wire }: ExecFacts): Promise<ReadyWrite> => {
  const ready = await readyPut(link, { timeoutMs: wire.limits.timeoutMs, signal: wire.signal });
  return {
    send: async () => {
      const startedAt = wire.around.now();
      const { ok, bytes, message } = await ready.send(put, { timeoutMs: wire.limits.timeoutMs, signal: wire.signal });
      const answer = { path: put.path, bytes, ...(message === undefined ? {} : { message }) };
      return { ok, status: null, answer, ms: sinceMs(startedAt, wire) };
    },
    done: ready.done,
  };
};

/** A shell is opened, privileged and set up before its step is recorded as sent; one that wrote is never kept. */
const prepareShell = async (step: SshStep, { link, wire, via }: ExecFacts): Promise<ReadyWrite> => {
  const limits = { timeoutMs: wire.limits.timeoutMs, signal: wire.signal };
  const shell = await (via.shell?.(wire) ?? Shell.open(link, wire, {}, limits));
  const { onOutput } = via;
  const facts = { shell, link, wire, ...(onOutput === undefined ? {} : { onOutput }) };
  return {
    send: () => sayCommands(step, facts),
    done: () => {
      if (via.shell === undefined) shell.close();
    },
  };
};

const isForShell = (step: SshStep, { shell }: SshEndpoint, via: SshVia): boolean =>
  step.put === undefined &&
  step.stdin === undefined &&
  (via.shell !== undefined || shell !== null || step.answers !== undefined);

const prepare: TransportKind<SshEndpoint, SshStep>["prepare"] = async (step, endpoint, wire, given) => {
  const { link } = accessFor(endpoint, wire);
  const via = (given ?? {}) as SshVia;
  const facts: ExecFacts = { link, wire, via };
  if (isForShell(step, endpoint, via)) return prepareShell(step, facts);
  await link.reach(wire.signal);
  if (step.put !== undefined) return preparePut(step.put, facts);
  return { send: () => execute(step, facts), done: () => undefined };
};

/** Replies that only confirm; any other must stand in `writes[]`, as a command must. */
const confirmation = /^(?:y|yes|n|no|\d{1,2})?$/i;

/** The lines of a step that `writes[]` must name: not those that begin or end a configuration session. */
const partsOf = (step: SshStep, { shell }: SshEndpoint): readonly SshStep[] => {
  if (step.put !== undefined) return [step];
  const replies = (step.answers ?? []).map(({ send }) => send).filter((send) => !confirmation.test(send));
  const lines = [...(step.commands ?? []), ...replies].filter((line) => shell?.config.includes(line) !== true);
  return lines.map((line) => ({ transport: step.transport, commands: [line] }));
};

const matchesWrite: TransportKind<SshEndpoint, SshStep>["matchesWrite"] = (step, { pattern }, { verb, target }) => {
  if (typeof pattern !== "string") return false;
  const blanks = { ...(verb === undefined ? {} : { verb }), ...(target === undefined ? {} : { target: target.id }) };
  const { matches } = compileLinePattern(pattern, blanks);
  return step.put === undefined ? (step.commands ?? []).every(matches) : matches(`PUT ${step.put.path}`);
};

const previewPut = ({ path, mode, base64 }: NonNullable<SshStep["put"]>): string => {
  const bytes = Buffer.from(base64, "base64");
  const head = `PUT ${word(path, / /)} (${bytes.length} bytes${mode === undefined ? "" : `, mode ${mode.toString(8)}`})`;
  return previewOf([head, `content: ${bytesText(bytes)}`]);
};

const replyText = ({ match, send, enter }: SshAnswer): string =>
  ` (answering ${quoted(send)}${enter === false ? " without a line end" : ""} to ${word(match, / \(answering /)})`;

/** A command that could be taken for several, or for more than a command, is quoted. */
const preview = ({ commands = [], answers = [], stdin, put }: SshStep): string => {
  if (put !== undefined) return previewPut(put);
  const said = answers.map(replyText).join("");
  const head = `${commands.map((line) => word(line, /;| \((?:answering|with) /)).join("; ")}${said}`;
  if (stdin === undefined) return head;
  return previewOf([`${head} (with ${stdin.length} characters of input)`, `input: ${quoted(stdin)}`]);
};

export const sshKind: TransportKind<SshEndpoint, SshStep> = {
  stepKeys: sshStepKeys,
  normalise: normaliseSsh,
  isRead: (step, endpoint) =>
    step.put === undefined &&
    step.stdin === undefined &&
    step.answers === undefined &&
    (step.commands ?? []).every((line) => isReadCommand(line, endpoint)),
  parts: partsOf,
  matchesWrite,
  prepare,
  preview,
};
