/** The ssh operations of one driver call. */
import type { Json, JsonObject } from "../../model/json.ts";
import type { SshStep } from "../../model/plan.ts";
import { commandOf, normaliseSsh, stdinOf } from "../../model/ssh-step.ts";
import { refuseUnknown } from "../../model/step.ts";
import { type DeskFacts, endpointFor, msOf, type Operations } from "../desk.ts";
import type { Wire } from "../wire.ts";
import { accessFor } from "./access.ts";
import { asAsked, onlyResult, type Run, repeated } from "./asked.ts";
import { runCommand } from "./exec.ts";
import { isReadCommand, type SshVia, shownResult } from "./kind.ts";
import { createLineDesk } from "./line-desk.ts";

const readRun = async ({ endpoint, step, timeoutMs, onOutput }: Run, facts: DeskFacts): Promise<Json> => {
  const wire: Wire = { ...facts.wire, signal: facts.reads };
  const startedAt = wire.around.now();
  const [line = ""] = step.commands ?? [];
  const output = onOutput === undefined ? {} : { onOutput };
  const command = { line, signal: facts.reads, meter: wire.around.meter, ...output };
  const { link } = accessFor(endpoint, wire);
  const run = (leftMs: number) => runCommand(link, { ...command, timeoutMs: leftMs }, () => undefined);
  const result = await repeated(run, { timeoutMs, wire });
  facts.record(step, { status: result.exit_code, ms: Math.round(wire.around.now() - startedAt) });
  return shownResult(result, wire) as unknown as Json;
};

const writeRun = async ({ endpoint, step, timeoutMs, onOutput }: Run, facts: DeskFacts): Promise<Json> => {
  const via: SshVia = onOutput === undefined ? {} : { onOutput };
  return onlyResult(await facts.write(step, endpoint, { timeoutMs, via }));
};

/** The operations `ssh.run`, `ssh.line`, `ssh.close` and `ssh.put`. */
export const createSshDesk = (facts: DeskFacts): Operations => {
  const run = async (args: JsonObject): Promise<Json> => {
    refuseUnknown(args, ["transport", "command", "stdin", "timeout_ms", "stream"], "a command");
    const endpoint = endpointFor(args["transport"], "ssh", facts);
    const line = commandOf(args["command"]);
    const stdin = args["stdin"] === undefined ? {} : { stdin: stdinOf(args["stdin"]) };
    const step: SshStep = { transport: endpoint.name, commands: [line], ...stdin };
    const isRead = step.stdin === undefined && isReadCommand(line, endpoint);
    return asAsked(args, { endpoint, step }, facts, (asked) => (isRead ? readRun : writeRun)(asked, facts));
  };

  const put = async ({ transport, timeout_ms: timeout, ...raw }: JsonObject): Promise<Json> => {
    const endpoint = endpointFor(transport, "ssh", facts);
    const step = normaliseSsh({ put: raw }, endpoint);
    return facts.write(step, endpoint, { timeoutMs: msOf(timeout, endpoint.timeoutMs) });
  };

  return { "ssh.run": run, "ssh.put": put, ...createLineDesk(facts) };
};
