/** The ssh operations of one driver call. */
import type { SshEndpoint } from "../../model/endpoint.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { SshStep } from "../../model/plan.ts";
import { commandOf, normaliseSsh, stdinOf } from "../../model/ssh-step.ts";
import { misshapen, refuseUnknown } from "../../model/step.ts";
import { mayPass } from "../causes.ts";
import { type DeskFacts, endpointFor, msOf, type Operations } from "../desk.ts";
import type { Wire } from "../wire.ts";
import { type CommandResult, type OnOutput, runCommand } from "./exec.ts";
import { isReadCommand, linkFor, type SshVia, shownResult } from "./kind.ts";
import { createLineTeller } from "./lines.ts";
import { withSignal } from "./link.ts";

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
        message,
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

/** Repeats a read that may succeed a moment later, as the manifest says. */
const repeated = async <T>(read: () => Promise<T>, wire: Wire): Promise<T> => {
  const { retries, backoffMs } = wire.limits;
  for (let tries = 0; ; tries += 1) {
    try {
      return await read();
    } catch (thrown) {
      if (tries >= retries || !mayPass(thrown) || wire.signal.aborted) throw thrown;
      await withSignal(new Promise((resolve) => setTimeout(resolve, backoffMs * 2 ** tries)), wire.signal);
    }
  }
};

interface Run {
  readonly endpoint: SshEndpoint;
  readonly step: SshStep;
  readonly timeoutMs: number;
  readonly onOutput?: OnOutput;
}

const readRun = async ({ endpoint, step, timeoutMs, onOutput }: Run, facts: DeskFacts): Promise<Json> => {
  const wire: Wire = { ...facts.wire, signal: facts.reads };
  const startedAt = wire.around.now();
  const [line = ""] = step.commands ?? [];
  const command = { line, timeoutMs, signal: facts.reads, meter: wire.around.meter };
  const link = linkFor(endpoint, wire);
  const run = () => runCommand(link, { ...command, ...(onOutput === undefined ? {} : { onOutput }) }, () => undefined);
  const result = await repeated(run, wire);
  facts.record(step, { status: result.exit_code, ms: Math.round(wire.around.now() - startedAt) });
  return shownResult(result, wire) as unknown as Json;
};

const onlyResult = (answer: Json): Json => {
  const { results = [] } = answer as { results?: readonly (CommandResult & { command: string })[] };
  const [{ command: _, ...result } = { command: "", exit_code: null, stdout: "", stderr: "" }] = results;
  return result as unknown as Json;
};

const writeRun = async ({ endpoint, step, timeoutMs, onOutput }: Run, facts: DeskFacts): Promise<Json> => {
  const via: SshVia = onOutput === undefined ? {} : { onOutput };
  return onlyResult(await facts.write(step, endpoint, { timeoutMs, via }));
};

const flagOf = (raw: Json | undefined, name: string): boolean => {
  if (raw === undefined || typeof raw === "boolean") return raw === true;
  throw misshapen(`Expected ${name} as a boolean.`);
};

/** The operations `ssh.run` and `ssh.put`. */
export const createSshDesk = (facts: DeskFacts): Operations => {
  const run = async (args: JsonObject): Promise<Json> => {
    refuseUnknown(args, ["transport", "command", "stdin", "timeout_ms", "stream"], "a command");
    const endpoint = endpointFor(args["transport"], "ssh", facts);
    const line = commandOf(args["command"]);
    const stdin = args["stdin"] === undefined ? {} : { stdin: stdinOf(args["stdin"]) };
    const step: SshStep = { transport: endpoint.name, commands: [line], ...stdin };
    const stream = flagOf(args["stream"], "stream") ? streamed(line, endpoint, facts) : undefined;
    const timeoutMs = msOf(args["timeout_ms"], endpoint.timeoutMs);
    const asked: Run = { endpoint, step, timeoutMs, ...(stream === undefined ? {} : { onOutput: stream.onOutput }) };
    const isRead = step.stdin === undefined && isReadCommand(line, endpoint);
    try {
      return isRead ? await readRun(asked, facts) : await writeRun(asked, facts);
    } finally {
      stream?.end();
    }
  };

  const put = async ({ transport, timeout_ms: timeout, ...raw }: JsonObject): Promise<Json> => {
    const endpoint = endpointFor(transport, "ssh", facts);
    const step = normaliseSsh({ put: raw }, endpoint);
    return facts.write(step, endpoint, { timeoutMs: msOf(timeout, endpoint.timeoutMs) });
  };

  return { "ssh.run": run, "ssh.put": put };
};
