/** A step over one interactive shell: its lines in order, up to the first that the device does not take. */
import { SwitchyardError } from "../../errors.ts";
import type { SshStep, StepAnswer } from "../../model/plan.ts";
import { unsent } from "../causes.ts";
import type { Wire } from "../wire.ts";
import type { CommandResult, OnOutput } from "./exec.ts";
import { droppedInAnswer } from "./failures.ts";
import type { SshLink } from "./link.ts";
import type { LineEnd, Shell } from "./shell.ts";

/** What came of one line; `prompt` is what stood behind it. */
export type LineResult = CommandResult & { readonly command: string; readonly prompt: string };

interface StepFacts {
  readonly shell: Shell;
  readonly link: SshLink;
  readonly wire: Wire;
  readonly onOutput?: OnOutput;
}

/** A line of a shell tells no exit code: it ends with a prompt or it does not. */
export const lineResult = (command: string, { output, last }: LineEnd, { secrets }: Wire): LineResult => ({
  command,
  exit_code: null,
  stdout: secrets.putBack(output),
  stderr: "",
  prompt: secrets.putBack(last),
});

const isTaken = ({ end, error }: LineEnd): boolean => end === "prompt" && error === null;

/** A shell that the device closed before the first line leaves nothing unknown. */
const requireOpen = ({ shell, link }: StepFacts): void => {
  if (shell.isClosed) throw unsent(droppedInAnswer(link.endpoint));
};

const outcomeOf = (ended: LineEnd, isLast: boolean, step: SshStep, link: SshLink) => {
  const isAccepted = ended.end === "closed" && isLast && step.accept?.includes("closed") === true;
  if (ended.end === "closed" && !isAccepted) throw droppedInAnswer(link.endpoint);
  return { ok: isAccepted || isTaken(ended), isAccepted };
};

/** A device that hangs up behind the last line may do so before it says anything. */
const runLine = async (line: string, isLast: boolean, step: SshStep, facts: StepFacts): Promise<LineEnd> => {
  const { wire, shell, onOutput } = facts;
  const { timeoutMs } = wire.limits;
  try {
    return await shell.run(line, {
      timeoutMs,
      signal: wire.signal,
      ...(step.answers === undefined ? {} : { answers: step.answers }),
      ...(onOutput === undefined ? {} : { onOutput }),
    });
  } catch (thrown) {
    const isHungUp = thrown instanceof SwitchyardError && thrown.details["dropped"] === true;
    if (!isHungUp || !isLast || step.accept?.includes("closed") !== true) throw thrown;
    return { output: "", end: "closed", last: "", error: null };
  }
};

const leavesConfig = /^(?:exit|quit|end|return|top|abort|commit|logout)\b/i;

/**
 * A configuration session that ends by itself - another user took it, a time ran out - leaves the prompt of before;
 * what comes next would be said outside of it. Where the prompt does not tell, nothing is seen.
 */
const watchConfig = ({ shell, link }: StepFacts): ((line: string, ended: LineEnd) => boolean) => {
  const [begin, end] = link.endpoint.shell?.config ?? [];
  const { prompt: outside } = shell;
  let isInside = false;
  return (line, { last }) => {
    const wasInside = isInside;
    isInside = last !== outside && (wasInside || line === begin);
    return wasInside && !isInside && line !== end && !leavesConfig.test(line.trim());
  };
};

const fallenOut = ({ output, last }: LineEnd, { secrets }: Wire): string => {
  const said = output.trim() === "" ? "nothing" : `"${secrets.putBack(output.trim()).slice(0, 200)}"`;
  return `The configuration session ended by itself: the device said ${said} and shows "${secrets.putBack(last)}" again.`;
};

/** Sends the lines; after the first that is not taken, none. @throws SwitchyardError when an end is not known. */
export const sayCommands = async (step: SshStep, facts: StepFacts): Promise<StepAnswer> => {
  const { wire, link } = facts;
  const startedAt = wire.around.now();
  const { commands = [] } = step;
  const results: LineResult[] = [];
  const more: { closed: boolean; question?: string; error?: string } = { closed: false };
  const hasFallenOut = watchConfig(facts);
  requireOpen(facts);
  let ok = true;
  for (const [index, line] of commands.entries()) {
    const isLast = index === commands.length - 1;
    const ended = await runLine(line, isLast, step, facts);
    const outcome = outcomeOf(ended, isLast, step, link);
    results.push(lineResult(line, ended, wire));
    ok = outcome.ok;
    more.closed = outcome.isAccepted;
    if (ended.end === "question") more.question = wire.secrets.putBack(ended.last);
    if (ended.error !== null) more.error = wire.secrets.putBack(ended.error);
    if (ok && !outcome.isAccepted && hasFallenOut(line, ended)) {
      ok = false;
      more.error = fallenOut(ended, wire);
    }
    if (!ok) break;
  }
  return { ok, status: null, answer: { results, ...more }, ms: Math.round(wire.around.now() - startedAt) };
};
