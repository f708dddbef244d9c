/** What the ssh operations share: how a driver's wishes are read, told and repeated. */
import { SwitchyardError } from "../../errors.ts";
import type { SshEndpoint } from "../../model/endpoint.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { SshStep } from "../../model/plan.ts";
import { misshapen } from "../../model/step.ts";
import { mayPass } from "../causes.ts";
import { type DeskFacts, msOf } from "../desk.ts";
import type { Wire } from "../wire.ts";
import type { CommandResult, OnOutput } from "./exec.ts";
import { withSignal } from "./in-time.ts";
import { createLineTeller } from "./lines.ts";

/** Tells a command's output as events, while it comes. */
interface Streamed {
  readonly onOutput: OnOutput;
  end(): void;
}

const streamed = (command: string, endpoint: SshEndpoint, { tell }: DeskFacts): Streamed => {
  const tellerOf = (stream: "stdout" | "stderr") =>
    createLineTeller((message) =>
      tell({
        level: "info",
        phase: "output",
        message: endpoint.redact(message),
        meta: { stream, transport: endpoint.name, target: endpoint.host, command },
      }),
    );
  const tellers = { stdout: tellerOf("stdout"), stderr: tellerOf("stderr") };
  return {
    onOutput: (stream, bytes) => tellers[stream].take(bytes),
    end: () => {
      tellers.stdout.end();
      tellers.stderr.end();
    },
  };
};

/** A try that ran out of time was given what the earlier ones had left: the whole belongs to its error. */
const withTries = (thrown: unknown, tries: number, timeoutMs: number): unknown => {
  if (tries === 0 || !(thrown instanceof SwitchyardError) || thrown.code !== "response_timeout") return thrown;
  return new SwitchyardError(thrown.code, {
    detail: `${thrown.message} It had been asked ${tries} time${tries === 1 ? "" : "s"} before, in the ${Math.round(timeoutMs)} ms that all tries have together.`,
    details: thrown.details,
    cause: thrown,
  });
};

/** Repeats a read that may succeed a moment later, as the manifest says; all its tries have one time limit together. */
export const repeated = async <T>(
  read: (timeoutMs: number) => Promise<T>,
  { timeoutMs, wire }: { readonly timeoutMs: number; readonly wire: Wire },
): Promise<T> => {
  const { limits, around, signal } = wire;
  const deadline = around.now() + timeoutMs;
  for (let tries = 0; ; tries += 1) {
    const waitMs = limits.backoffMs * 2 ** tries;
    // Looked at when a try is over: it may have taken all the time there was.
    const isLast = (): boolean => tries >= limits.retries || around.now() + waitMs >= deadline;
    try {
      return await read(tries === 0 ? timeoutMs : Math.max(1, deadline - around.now()));
    } catch (thrown) {
      if (!mayPass(thrown) || isLast() || signal.aborted) throw withTries(thrown, tries, timeoutMs);
      await withSignal(new Promise((resolve) => setTimeout(resolve, waitMs)), signal);
    }
  }
};

/** One command as it was asked for. */
export interface Run {
  readonly endpoint: SshEndpoint;
  readonly step: SshStep;
  readonly timeoutMs: number;
  readonly onOutput?: OnOutput;
}

/** Asks with the driver's own limit and, if it wants that, with its output told as it comes. */
export const asAsked = async <T>(
  args: JsonObject,
  { endpoint, step }: Pick<Run, "endpoint" | "step">,
  facts: DeskFacts,
  work: (run: Run) => Promise<T>,
): Promise<T> => {
  const [line = ""] = step.commands ?? [];
  const stream = flagOf(args["stream"], "stream") ? streamed(line, endpoint, facts) : undefined;
  const timeoutMs = msOf(args["timeout_ms"], endpoint.timeoutMs);
  try {
    return await work({ endpoint, step, timeoutMs, ...(stream === undefined ? {} : { onOutput: stream.onOutput }) });
  } finally {
    stream?.end();
  }
};

/** The result of the only command of a step. */
export const onlyResult = (answer: Json): Json => {
  const { results = [] } = answer as { results?: readonly (CommandResult & { command: string })[] };
  const [{ command: _, ...result } = { command: "", exit_code: null, stdout: "", stderr: "" }] = results;
  return result as unknown as Json;
};

const flagOf = (raw: Json | undefined, name: string): boolean => {
  if (raw === undefined || typeof raw === "boolean") return raw === true;
  throw misshapen(`Expected ${name} as a boolean.`);
};
