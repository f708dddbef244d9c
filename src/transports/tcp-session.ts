/** One tcp session: connected, secured and logged in, then lines out and lines in. */
import type { Socket } from "node:net";
import { SwitchyardError } from "../errors.ts";
import type { TcpEndpoint } from "../model/endpoint.ts";
import type { AnswerPattern } from "../model/pattern.ts";
import type { TcpLine } from "../model/plan.ts";
import { linesIn } from "../model/tcp-line.ts";
import { fill } from "../model/template.ts";
import { answerFailure } from "./causes.ts";
import { type DialPlace, dial, upgrade } from "./dial.ts";
import { dialPlaceOf } from "./http-pool.ts";
import { anyLine, LineReader, type LineTest } from "./line-reader.ts";
import { createTelnet } from "./telnet.ts";
import type { Wire } from "./wire.ts";

export interface TcpSession {
  send(line: TcpLine): void;
  /**
   * The lines up to and with the first that passes the test; what has no end yet is tried too, unless it must be whole.
   * @throws SwitchyardError `response_timeout`, `response_too_large`.
   */
  readUntil(isLast: LineTest, timeoutMs: number, isWhole?: boolean): Promise<readonly string[]>;
  /** Puts lines back in front of what comes next. */
  unread(lines: readonly string[]): void;
  close(): void;
  readonly isClosed: boolean;
}

const lateAnswer = ({ host, port }: DialPlace, ms: number): SwitchyardError =>
  new SwitchyardError("response_timeout", {
    detail: `${host}:${port} did not send the expected line within ${Math.round(ms)} ms.`,
  });

class Conversation implements TcpSession {
  private readonly reader: LineReader;
  private socket: Socket;
  private readonly place: DialPlace;
  private readonly endpoint: TcpEndpoint;
  private readonly wire: Wire;

  constructor(socket: Socket, endpoint: TcpEndpoint, place: DialPlace, wire: Wire) {
    this.endpoint = endpoint;
    this.place = place;
    this.wire = wire;
    this.reader = new LineReader(endpoint.line, wire.around.meter);
    this.socket = socket;
    this.listen(socket);
    if (wire.signal.aborted) this.onCut();
    else wire.signal.addEventListener("abort", this.onCut, { once: true });
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  send(line: TcpLine): void {
    if (this.socket.destroyed) throw answerFailure(new Error("closed"), this.place, true);
    const { line: end } = this.endpoint;
    this.socket.write(
      linesIn(line)
        .map((one) => `${one}${end}`)
        .join(""),
    );
  }

  readUntil(isLast: LineTest, timeoutMs: number, isWhole = false): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.reader.giveUp(lateAnswer(this.place, timeoutMs)), timeoutMs);
      const settle = <T>(finish: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          clearTimeout(timer);
          finish(value);
        };
      };
      this.reader.wait({ isLast, isWhole, resolve: settle(resolve), reject: settle(reject) });
    });
  }

  unread(lines: readonly string[]): void {
    this.reader.unread(lines);
  }

  close(): void {
    this.wire.signal.removeEventListener("abort", this.onCut);
    this.reader.letGo();
    this.socket.destroy();
  }

  /** Asks for TLS in the clear and goes on inside it. What came behind the answer, anybody may have put there. */
  async startTls(send: string, expect: AnswerPattern, timeoutMs: number): Promise<void> {
    const { tls } = this.place;
    if (tls === null) return;
    this.send(send);
    const [answer = ""] = await this.readUntil(anyLine, timeoutMs);
    if (!expect.matches(answer)) throw this.unexpected(send, expect, answer);
    if (!this.reader.isDrained()) throw this.spoiled(send);
    this.socket.removeAllListeners("data").removeAllListeners("error").removeAllListeners("close").pause();
    this.socket = await upgrade(this.socket, this.place, tls, { timeoutMs, signal: this.wire.signal });
    this.listen(this.socket);
  }

  unexpected(what: string, { source }: AnswerPattern, answer: string): SwitchyardError {
    const shown = this.wire.secrets.redact(answer).slice(0, 120);
    return new SwitchyardError("protocol_mismatch", {
      detail: `${this.place.host}:${this.place.port} answered "${shown}" to ${what}, expected "${source}": check the port.`,
    });
  }

  private spoiled(what: string): SwitchyardError {
    return new SwitchyardError("protocol_mismatch", {
      detail: `${this.place.host}:${this.place.port} said more in the clear behind its answer to ${what}: somebody on the way may have put it there, so nothing secret was sent. Look at what stands between.`,
    });
  }

  private readonly onCut = (): void => {
    this.reader.fail(this.wire.signal.reason);
    this.socket.destroy();
  };

  private listen(socket: Socket): void {
    const { endpoint, reader, place } = this;
    const textOf = endpoint.telnet ? createTelnet(socket) : (bytes: Buffer): Buffer => bytes;
    socket.on("data", (bytes: Buffer) => {
      reader.take(textOf(bytes));
      // Who sends more than may be kept is not listened to any more.
      if (reader.isOver) socket.destroy();
    });
    socket.on("error", (thrown) => reader.fail(answerFailure(thrown, place, true)));
    socket.on("close", () => reader.fail(answerFailure(new Error("closed"), place, true)));
  }
}

const refusedLogin = (place: DialPlace, answer: string): SwitchyardError =>
  new SwitchyardError("auth_failed", {
    detail: `${place.host}:${place.port} refused the login with "${answer.slice(0, 120)}". It is not repeated, so that the account is not locked: check the credentials and set the secret again.`,
  });

const refusal = /incorrect|invalid|denied|refused|fail(?:ed|ure)/i;

/** A telnet login greets, echoes and asks in lines without an end: what is expected is looked for among all that. */
const loginAnswer = async (
  session: TcpSession,
  endpoint: TcpEndpoint,
  expect: AnswerPattern,
  wire: Wire,
): Promise<string> => {
  const timeoutMs = endpoint.timeoutMs ?? wire.limits.timeoutMs;
  const isLast: LineTest = endpoint.telnet ? (line) => expect.matches(line) || refusal.test(line) : anyLine;
  return (await session.readUntil(isLast, timeoutMs)).at(-1) ?? "";
};

const logIn = async (session: TcpSession, endpoint: TcpEndpoint, place: DialPlace, wire: Wire): Promise<void> => {
  for (const { send, expect } of endpoint.login) {
    const line = fill(send, (_, name) => wire.secrets.valueOf(name));
    // An entry that sends nothing waits for what the device says first.
    if (line !== "") session.send(line);
    const answer = await loginAnswer(session, endpoint, expect, wire);
    if (!expect.matches(answer)) throw refusedLogin(place, wire.secrets.redact(answer));
  }
};

/** A refused login stays refused for this config and these secrets, as with http. */
const logInOnce = async (session: TcpSession, endpoint: TcpEndpoint, place: DialPlace, wire: Wire): Promise<void> => {
  const key = `${wire.mode} ${endpoint.name}`;
  await wire.warm.logins.get(key);
  try {
    await logIn(session, endpoint, place, wire);
  } catch (thrown) {
    if (thrown instanceof SwitchyardError && thrown.code === "auth_failed") {
      const refused = Promise.reject(thrown);
      refused.catch(() => undefined);
      wire.warm.logins.set(key, refused);
    }
    throw thrown;
  }
};

/** Connects, secures and logs in. @throws SwitchyardError with the cause of a failed contact. */
export const openTcp = async (endpoint: TcpEndpoint, wire: Wire): Promise<TcpSession> => {
  const place = dialPlaceOf(endpoint, "tcp", wire.secrets);
  const timeoutMs = endpoint.timeoutMs ?? wire.limits.timeoutMs;
  const first = endpoint.startTls === null ? place : { ...place, tls: null };
  const socket = await dial(first, wire.around, { timeoutMs, signal: wire.signal });
  const session = new Conversation(socket, endpoint, place, wire);
  try {
    if (endpoint.startTls !== null) await session.startTls(endpoint.startTls.send, endpoint.startTls.expect, timeoutMs);
    await logInOnce(session, endpoint, place, wire);
    return session;
  } catch (thrown) {
    session.close();
    throw thrown;
  }
};

/** One line, whatever it says. */
export const nextLine = async (session: TcpSession, timeoutMs: number): Promise<string> =>
  (await session.readUntil(anyLine, timeoutMs))[0] ?? "";
