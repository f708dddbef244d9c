/** The warm connections to one http endpoint, and one exchange over them. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { type Dispatcher, Pool } from "undici";
import { SwitchyardError } from "../errors.ts";
import { type HttpEndpoint, originOf, type TlsRules } from "../model/endpoint.ts";
import { fill } from "../model/template.ts";
import { answerFailure, unsent } from "./causes.ts";
import { type DialPlace, dial, type TlsPlan } from "./dial.ts";
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
  readonly signal: AbortSignal;
}

export interface HttpPool {
  /** Sends once and waits for the whole answer. @throws SwitchyardError with the cause. */
  exchange(request: RawRequest, limits: ExchangeLimits): Promise<RawAnswer>;
  /** Has a connection ready, so that the next request cannot fail for want of one. */
  reach(limits: ExchangeLimits): Promise<void>;
  /** Whether this endpoint ever answered in http. */
  readonly hasAnswered: boolean;
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
        detail: `${place.host}:${place.port} accepted no connection within ${Math.round(ms)} ms: check host, port and firewalls.`,
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

export const createHttpPool = (endpoint: HttpEndpoint, secrets: SecretBook, around: Surroundings): HttpPool => {
  const place = dialPlaceOf(endpoint, endpoint.scheme, secrets);
  const life = new AbortController();
  const stash = createStash();
  let hasAnswered = false;
  const pool = new Pool(originOf(endpoint), {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connect: (_, callback) => {
      const ready = stash.take();
      // undici does not look again at a connection that is handed over before its connector has returned.
      if (ready !== undefined) return queueMicrotask(() => callback(null, ready));
      dial(place, around, { timeoutMs: connectMs, signal: life.signal }).then(
        (socket) => callback(null, socket),
        (thrown: Error) => callback(thrown, null),
      );
    },
  });
  const run = (request: RawRequest, { timeoutMs, signal }: ExchangeLimits): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        finish();
      };
      const collector = new Collector(around.meter, {
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (thrown) =>
          settle(() => {
            const failure = answerFailure(thrown, place, hasAnswered);
            reject(collector.isStarted ? failure : unsent(failure));
          }),
      });
      const onAbort = (): void => collector.fail(signal.reason);
      const timer = setTimeout(
        () => collector.fail(deadlineError(place, timeoutMs, collector.isStarted)),
        Math.max(0, timeoutMs),
      );
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort);
      pool.dispatch(
        { ...request, headers: [...request.headers], method: request.method as Dispatcher.HttpMethod },
        collector,
      );
    });
  return {
    get hasAnswered() {
      return hasAnswered;
    },
    exchange: async (request, limits) => {
      const answer = await run(request, limits);
      hasAnswered = true;
      return answer;
    },
    reach: async ({ timeoutMs, signal }) => {
      if (pool.stats.connected > pool.stats.running || !stash.isEmpty) return;
      stash.put(await dial(place, around, { timeoutMs, signal }));
    },
    cut: () => {
      life.abort(new Error("cut"));
      stash.take()?.destroy();
      pool.destroy(new Error("cut")).catch(() => undefined);
    },
  };
};
