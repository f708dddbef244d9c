/** The tcp operations of one driver call: its open sessions, by the number the driver holds. */
import { SwitchyardError } from "../errors.ts";
import type { TcpEndpoint } from "../model/endpoint.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { linearRegExp } from "../model/linear-pattern.ts";
import type { TcpStep } from "../model/plan.ts";
import { misshapen } from "../model/step.ts";
import { lineOf } from "../model/tcp-step.ts";
import { type DeskFacts, endpointFor, msOf, type Operations } from "./desk.ts";
import { dial } from "./dial.ts";
import { withSignal } from "./ssh/in-time.ts";
import { isReadLine } from "./tcp.ts";
import { openTcp, type TcpSession } from "./tcp-session.ts";

const maxSessions = 8;
/** A pattern looks at the end of a line only, so that a device cannot make it slow. */
const patternWindow = 4_096;

interface OpenSession {
  readonly session: TcpSession;
  readonly endpoint: TcpEndpoint;
}

/** For the manifest's own tcp test: a driver cannot look at other ports with it. */
const probe = async ({ port, timeout_ms: timeout }: JsonObject, { wire, reads, binding }: DeskFacts): Promise<Json> => {
  const startedAt = wire.around.now();
  const place = binding.probe;
  if (place === null || (port !== undefined && place.port !== port)) {
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: "Only the port of the manifest's tcp test can be probed.",
    });
  }
  const timeoutMs = msOf(timeout, wire.limits.timeoutMs);
  const socket = await dial({ ...place, scheme: "tcp", tls: null }, wire.around, { timeoutMs, signal: reads });
  socket.destroy();
  return { port: place.port, latency_ms: Math.round((wire.around.now() - startedAt) * 10) / 10 };
};

/** The operations `tcp.open`, `tcp.send`, `tcp.read_until`, `tcp.close` and `tcp.probe`. */
export const createTcpDesk = (facts: DeskFacts): Operations => {
  const { wire, reads } = facts;
  const sessions = new Map<number, OpenSession>();
  let count = 0;

  const closeAll = (): void => {
    for (const { session } of sessions.values()) session.close();
    sessions.clear();
  };
  reads.addEventListener("abort", () => void facts.settled().then(closeAll), { once: true });

  const sessionOf = (conn: Json | undefined): OpenSession => {
    const found = typeof conn === "number" ? sessions.get(conn) : undefined;
    if (found === undefined) throw misshapen("Expected an open tcp session: open one first.");
    return found;
  };

  const open = async ({ transport }: JsonObject): Promise<Json> => {
    const endpoint = endpointFor(transport, "tcp", facts);
    if (sessions.size >= maxSessions) throw misshapen(`Expected at most ${maxSessions} tcp sessions at once.`);
    const session = await openTcp(endpoint, wire);
    if (reads.aborted) session.close();
    reads.throwIfAborted();
    count += 1;
    sessions.set(count, { session, endpoint });
    return { conn: count };
  };

  const send = async ({ conn, line: raw }: JsonObject): Promise<Json> => {
    const { session, endpoint } = sessionOf(conn);
    const line = lineOf(raw, endpoint);
    const step: TcpStep = { transport: endpoint.name, send: [line] };
    if (!isReadLine(line, endpoint)) await facts.write(step, endpoint, { via: session });
    else {
      session.send(line);
      facts.record(step, { status: null, ms: 0 });
    }
    return null;
  };

  const readUntil = async ({ conn, pattern, whole, timeout_ms: timeout }: JsonObject): Promise<Json> => {
    const { session, endpoint } = sessionOf(conn);
    if (whole !== undefined && typeof whole !== "boolean") throw misshapen("Expected `whole` as true or false.");
    if (typeof pattern !== "string") throw misshapen("Expected `pattern` as a regular expression.");
    const { test } = linearRegExp(pattern);
    const isLast = (line: string): boolean => test(line.slice(-patternWindow));
    const timeoutMs = msOf(timeout, endpoint.timeoutMs ?? wire.limits.timeoutMs);
    const lines = await withSignal(session.readUntil(isLast, timeoutMs, whole), reads);
    return { lines: lines.map((line) => wire.secrets.putBack(line)) };
  };

  const close = async ({ conn }: JsonObject): Promise<Json> => {
    sessionOf(conn).session.close();
    sessions.delete(conn as number);
    return null;
  };

  return {
    "tcp.open": open,
    "tcp.send": send,
    "tcp.read_until": readUntil,
    "tcp.close": close,
    "tcp.probe": (args) => probe(args, facts),
  };
};
