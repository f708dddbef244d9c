/** The warm connections to one http endpoint, and one exchange over them. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { Client, type Dispatcher } from "undici";
import { SwitchyardError } from "../errors.ts";
import { type HttpEndpoint, originOf, type TlsRules } from "../model/endpoint.ts";
import { fill } from "../model/template.ts";
import { answerFailure, unsent } from "./causes.ts";
import { type DialPlace, dial, type TlsPlan } from "./dial.ts";
import { type Sieve, sieveOf } from "./http-information.ts";
import { answerTooLarge, type Meter, maxAnswerBytes } from "./meter.ts";
import type { SecretBook } from "./secrets.ts";
import type { Surroundings } from "./wire.ts";

/** A request as it goes on the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string | Buffer | null;
}

/** An answer as it came; `release` gives its bytes back to the meter. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  release(): void;
}

export interface ExchangeLimits {
  /** What is left of the deadline, ms. */
  readonly timeoutMs: number;
  /** What was allowed from the beginning, ms: what a person is told. Default what is left. */
  readonly allowedMs?: number;
  readonly signal: AbortSignal;
}

export interface HttpPool {
  /** Sends once and waits for the whole answer. @throws SwitchyardError with the cause. */
  exchange(request: RawRequest, limits: ExchangeLimits): Promise<RawAnswer>;
  /** Has a connection ready, so that the next request cannot fail for want of one. */
  reach(limits: ExchangeLimits): Promise<void>;
  cut(): void;
}

/** Enough for a driver that asks many things at once, few enough for a small device. */
const connections = 16;
/** Below the keep-alive of common servers: a connection that they are about to close is not used for a write. */
const keepAliveMs = 4_000;
const connectMs = 10_000;
/** A connection made ahead is not left lying about. */
const stashMs = 2_000;

const tlsPlanOf = (rules: TlsRules, secrets: SecretBook): TlsPlan => {
  const { ca, cert, key, ...plain } = rules;
  const text = (rendered: typeof ca): string =>
    rendered === undefined ? "" : fill(rendered, (_, name) => secrets.valueOf(name));
  return {
    ...plain,
    ...(ca === undefined ? {} : { ca: text(ca) }),
    ...(cert === undefined ? {} : { cert: text(cert) }),
    ...(key === undefined ? {} : { key: text(key) }),
  };
};

/** The place of an endpoint with its TLS secrets filled in. */
export const dialPlaceOf = (
  { host, port, tls }: { host: string; port: number; tls: TlsRules | null },
  scheme: string,
  secrets: SecretBook,
): DialPlace => ({ host, port, scheme, tls: tls === null ? null : tlsPlanOf(tls, secrets) });

interface Ending {
  /** The library is about to send it. */
  started(): void;
  resolve(answer: RawAnswer): void;
  reject(thrown: unknown): void;
}

/** Collects one answer within its limits; `isStarted` says whether a byte of the request may have been sent. */
class Collector implements Dispatcher.DispatchHandler {
  isStarted = false;
  status = 0;
  private isOver = false;
  private controller: Dispatcher.DispatchController | undefined;
  private headers: IncomingHttpHeaders = {};
  private chunks: Buffer[] = [];
  private bytes = 0;
  private readonly meter: Meter;
  private readonly ending: Ending;

  constructor(meter: Meter, ending: Ending) {
    this.meter = meter;
    this.ending = ending;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) controller.abort(new Error("the request ended before it was sent"));
    else this.isStarted = true;
    this.ending.started();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    if (Number(headers["content-length"] ?? 0) > maxAnswerBytes) this.fail(answerTooLarge());
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isOver) return;
    try {
      if (this.bytes + chunk.length > maxAnswerBytes) throw answerTooLarge();
      this.meter.take(chunk.length);
      this.bytes += chunk.length;
      this.chunks.push(chunk);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  onResponseEnd(): void {
    if (this.isOver) return;
    this.isOver = true;
    const held = this.bytes;
    const [first] = this.chunks;
    const body = this.chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.chunks);
    const release = (): void => this.meter.give(held);
    this.ending.resolve({ status: this.status, headers: this.headers, body, release });
  }

  onResponseError(_: Dispatcher.DispatchController, thrown: Error): void {
    this.fail(thrown);
  }

  /** Ends the request; what already came is let go. */
  fail(thrown: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.meter.give(this.bytes);
    this.chunks = [];
    this.ending.reject(thrown);
    this.controller?.abort(thrown instanceof Error ? thrown : new Error("cut"));
  }
}

const deadlineError = (place: DialPlace, ms: number, isStarted: boolean): SwitchyardError =>
  isStarted
    ? new SwitchyardError("response_timeout", {
        detail: `${place.host}:${place.port} accepted the request but did not answer within ${Math.round(ms)} ms.`,
      })
    : new SwitchyardError("connect_timeout", {
        detail: `${place.host}:${place.port} accepted no ${place.tls === null ? "" : "TLS "}connection within ${Math.round(ms)} ms: check host, port and firewalls.`,
      });

/** A connection made ahead of a write; the connector takes it when it is still good. */
const createStash = (): { put(socket: Socket): void; take(): Socket | undefined; readonly isEmpty: boolean } => {
  let kept: Socket | undefined;
  const drop = (): void => {
    kept?.destroy();
    kept = undefined;
  };
  return {
    get isEmpty() {
      return kept === undefined || kept.destroyed;
    },
    put: (socket) => {
      drop();
      kept = socket.on("error", () => undefined);
      setTimeout(() => socket === kept && drop(), stashMs).unref();
    },
    take: () => {
      const socket = kept?.destroyed === false ? kept : undefined;
      kept = undefined;
      return socket;
    },
  };
};

interface Lane {
  readonly client: Client;
  /** Requests given to it and not yet answered. */
  busy: number;
  /** Of its present connection. */
  sieve: Sieve | null;
}

/** Clients of one endpoint; an idle one is taken before another connection is made, so that TLS is set up once. */
class WarmPool implements HttpPool {
  private hasAnswered = false;
  private readonly lanes: Lane[] = [];
  private readonly life = new AbortController();
  private readonly stash = createStash();
  private readonly place: DialPlace;
  private readonly origin: string;
  private readonly around: Surroundings;

  constructor(endpoint: HttpEndpoint, secrets: SecretBook, around: Surroundings) {
    this.place = dialPlaceOf(endpoint, endpoint.scheme, secrets);
    this.origin = originOf(endpoint);
    this.around = around;
  }

  async exchange(request: RawRequest, limits: ExchangeLimits): Promise<RawAnswer> {
    const lane = this.freest();
    lane.busy += 1;
    try {
      const answer = await this.run(lane, request, limits);
      this.hasAnswered = true;
      return answer;
    } finally {
      lane.busy -= 1;
    }
  }

  async reach({ timeoutMs, signal }: ExchangeLimits): Promise<void> {
    const { client, busy } = this.freest();
    if ((client.stats.connected && busy === 0) || !this.stash.isEmpty) return;
    this.stash.put(await dial(this.place, this.around, { timeoutMs, signal }));
  }

  cut(): void {
    this.life.abort(new Error("cut"));
    this.stash.take()?.destroy();
    for (const { client } of this.lanes.splice(0)) client.destroy(new Error("cut")).catch(() => undefined);
  }

  private freest(): Lane {
    const [least] = this.lanes.toSorted((one, other) => one.busy - other.busy);
    if (least !== undefined && (least.busy === 0 || this.lanes.length >= connections)) return least;
    const client = this.newClient((socket) => {
      const sieve = sieveOf(socket);
      lane.sieve = sieve;
      // It holds its socket, and the lane lives on.
      return socket.once("close", () => {
        if (lane.sieve === sieve) lane.sieve = null;
      });
    });
    const lane: Lane = { client, busy: 0, sieve: null };
    this.lanes.push(lane);
    return lane;
  }

  private newClient(ready: (socket: Socket) => Socket): Client {
    return new Client(this.origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      connect: (_, callback) => {
        const kept = this.stash.take();
        // undici does not look again at a connection that is handed over before its connector has returned.
        if (kept !== undefined) return queueMicrotask(() => callback(null, ready(kept)));
        dial(this.place, this.around, { timeoutMs: connectMs, signal: this.life.signal }).then(
          (socket) => callback(null, ready(socket)),
          (thrown: Error) => callback(thrown, null),
        );
      },
    });
  }

  private run(lane: Lane, request: RawRequest, limits: ExchangeLimits): Promise<RawAnswer> {
    const { timeoutMs, allowedMs = timeoutMs, signal } = limits;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        finish();
      };
      const fail = (thrown: unknown): void => {
        const hasAnswered = this.hasAnswered || collector.status !== 0;
        const failure = answerFailure(thrown, this.place, hasAnswered);
        reject(collector.isStarted ? failure : unsent(failure));
      };
      const collector = new Collector(this.around.meter, {
        started: () => lane.sieve?.expect(),
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (thrown) => settle(() => fail(thrown)),
      });
      const onAbort = (): void => collector.fail(signal.reason);
      const onDeadline = (): void => collector.fail(deadlineError(this.place, allowedMs, collector.isStarted));
      const timer = setTimeout(onDeadline, timeoutMs);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      else
        lane.client.dispatch(
          { ...request, headers: [...request.headers], method: request.method as Dispatcher.HttpMethod },
          collector,
        );
    });
  }
}

export const createHttpPool = (endpoint: HttpEndpoint, secrets: SecretBook, around: Surroundings): HttpPool =>
  new WarmPool(endpoint, secrets, around);
