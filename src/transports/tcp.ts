/** The tcp transport: what is a read, what a write may be, and how lines are sent. */
import { SwitchyardError } from "../errors.ts";
import type { TcpEndpoint } from "../model/endpoint.ts";
import { compileLinePattern } from "../model/pattern.ts";
import type { StepAnswer, TcpLine, TcpStep } from "../model/plan.ts";
import { linesIn, sentText } from "../model/tcp-line.ts";
import { normaliseTcp } from "../model/tcp-step.ts";
import { unsent } from "./causes.ts";
import type { TransportKind } from "./kind.ts";
import { nextLine, openTcp, type TcpSession } from "./tcp-session.ts";
import type { Wire } from "./wire.ts";

/** Lines that go together are a read where each of them is one. */
export const isReadLine = (line: TcpLine, endpoint: TcpEndpoint): boolean =>
  linesIn(line).every((one) => endpoint.reads.some((pattern) => pattern.matches(one)));

const isGood = ({ ok }: TcpEndpoint, line: string): boolean =>
  ok.length === 0 || ok.some((pattern) => pattern.matches(line));

/** Sends the entries, waiting for one line of answer to each; the first bad answer ends it. */
const sayLines = async (step: TcpStep, endpoint: TcpEndpoint, session: TcpSession, wire: Wire): Promise<StepAnswer> => {
  const startedAt = wire.around.now();
  const lines: string[] = [];
  let ok = true;
  if (session.isClosed) throw unsent(new SwitchyardError("device_error", { detail: "The device closed the session." }));
  for (const line of step.send) {
    session.send(line);
    const answer = await nextLine(session, wire.limits.timeoutMs);
    lines.push(answer);
    ok = isGood(endpoint, answer);
    if (!ok) break;
  }
  const ms = Math.round((wire.around.now() - startedAt) * 10) / 10;
  return { ok, status: null, answer: { lines: lines.map(wire.secrets.putBack) }, ms };
};

/** Over the driver's own session its answer stays to be read there; otherwise the step has a session to itself. */
const prepare: TransportKind<TcpEndpoint, TcpStep>["prepare"] = async (step, endpoint, wire, via) => {
  if (via === undefined) {
    const session = await openTcp(endpoint, wire);
    return { send: () => sayLines(step, endpoint, session, wire), done: () => session.close() };
  }
  const session = via as TcpSession;
  return {
    send: async () => {
      const said = await sayLines(step, endpoint, session, wire);
      session.unread((said.answer as { lines: readonly string[] }).lines);
      return said;
    },
    done: () => undefined,
  };
};

export const tcpKind: TransportKind<TcpEndpoint, TcpStep> = {
  stepKeys: ["send"],
  normalise: normaliseTcp,
  isRead: (step, endpoint) => step.send.every((line) => isReadLine(line, endpoint)),
  parts: (step) => step.send.flatMap(linesIn).map((line) => ({ ...step, send: [line] })),
  matchesWrite: (step, { pattern }, { verb, target }) => {
    if (typeof pattern !== "string") return false;
    const blanks = { ...(verb === undefined ? {} : { verb }), ...(target === undefined ? {} : { target: target.id }) };
    return step.send.flatMap(linesIn).every(compileLinePattern(pattern, blanks).matches);
  },
  prepare,
  preview: (step) => sentText(step.send),
};
