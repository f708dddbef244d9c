/** Requests to the API: answers, problems, and a server that is not there. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { exitOfStatus } from "../exit-codes.ts";
import { CliFailure, noServer, type Problem } from "../failure.ts";
import type { Server } from "./server.ts";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Ask {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly payload?: string | Buffer | FormData;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly timeoutMs?: number;
  /** The answer is a job: the request carries an idempotency key and may be sent again. */
  readonly enqueues?: boolean;
}

export interface Client {
  readonly server: Server;
  readonly signal: AbortSignal;
  /**
   * Reads, and what carries an idempotency key, are sent again when the connection breaks on the way.
   * @throws CliFailure for a problem, or when there is no server.
   */
  ask<T>(method: string, path: string, options?: Ask): Promise<Answer<T>>;
  /** `ask`, the body alone. */
  read<T>(path: string, query?: Ask["query"]): Promise<T>;
  /** The bare answer, whatever its status; for streams. */
  open(method: string, path: string, options?: Ask & { readonly signal?: AbortSignal }): Promise<Response>;
}

const defaultTimeoutMs = 90_000;
const retryDelaysMs = [300, 700, 1500, 2500];

const urlOf = ({ url }: Server, path: string, query: Ask["query"] = {}): string => {
  const asked = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return `${url}${path}${asked.length === 0 ? "" : `?${new URLSearchParams(asked)}`}`;
};

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name cannot be resolved",
  EAI_AGAIN: "the host name cannot be resolved",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "the network cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not trusted",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not trusted",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak https",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak https",
};

/** The same address with the other scheme, where what is there seems to speak that. */
const otherScheme = ({ url }: Server, code: string): string | undefined => {
  if (url.startsWith("https:")) return code.startsWith("ERR_SSL_") ? url.replace("https:", "http:") : undefined;
  return code === "ECONNRESET" || code === "UND_ERR_SOCKET" ? url.replace("http:", "https:") : undefined;
};

const causeCode = (thrown: unknown): string => {
  const cause = (thrown as { cause?: { code?: unknown } } | null)?.cause;
  return typeof cause?.code === "string" ? cause.code : "";
};

/** Fetch's own error as a sentence. */
export const unreachable = (server: Server, thrown: unknown): CliFailure => {
  const isLate = (thrown as { name?: string } | null)?.name === "TimeoutError";
  const code = causeCode(thrown);
  const reason = isLate ? "it does not answer in time" : (reasons[code] ?? "no connection");
  const other = otherScheme(server, code);
  return noServer(`No Switchyard answers at ${server.url}: ${reason}.`, [
    other === undefined ? "Start one with: npm start" : `It may be there with: --url ${other}`,
    "Or name another with --url or SWITCHYARD_URL.",
  ]);
};

/** A connection that broke: the server may be on its way back. A refused one at the first try is no server. */
const isBroken = (thrown: unknown, isFirst: boolean): boolean => {
  const code = causeCode(thrown);
  return code === "ECONNRESET" || code === "UND_ERR_SOCKET" || (!isFirst && code === "ECONNREFUSED");
};

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && "code" in body && "title" in body && "detail" in body;

/** What the answer says went wrong. */
export const failureOf = (server: Server, status: number, body: unknown): CliFailure =>
  isProblem(body)
    ? new CliFailure(exitOfStatus(status), body)
    : noServer(`Something else than Switchyard answers at ${server.url}, with status ${status}.`, [
        "Name the right address with --url or SWITCHYARD_URL.",
      ]);

const parse = (text: string): unknown => {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Ends early, without an error, when the signal aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => undefined);

const headersFor = ({ token }: Server, options: Ask): Record<string, string> => ({
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  accept: "application/json, application/problem+json",
  ...(options.body === undefined ? {} : { "content-type": "application/json" }),
  ...(options.enqueues ? { "idempotency-key": randomUUID() } : {}),
  ...options.headers,
});

const sendAgain = async <T>(client: Pick<Client, "server" | "signal">, request: () => Promise<T>): Promise<T> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await request();
    } catch (thrown) {
      const delay = retryDelaysMs[attempt];
      if (client.signal.aborted || delay === undefined || !isBroken(thrown, attempt === 0)) throw thrown;
      await pause(delay, client.signal);
    }
  }
};

export const createClient = (server: Server, signal: AbortSignal): Client => {
  const open: Client["open"] = (method, path, options = {}) => {
    const body = (options.payload ?? (options.body === undefined ? undefined : JSON.stringify(options.body))) as
      | RequestInit["body"]
      | undefined;
    return fetch(urlOf(server, path, options.query), {
      method,
      headers: { ...headersFor(server, options), ...options.headers },
      redirect: "manual",
      signal: options.signal ?? AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs)]),
      ...(body === undefined ? {} : { body }),
    });
  };
  const ask: Client["ask"] = async <T>(method: string, path: string, options: Ask = {}): Promise<Answer<T>> => {
    // Made once: a request that is sent again carries the same key.
    const request = { ...options, headers: headersFor(server, options) };
    const send = async () => {
      const response = await open(method, path, request);
      return { response, body: parse(await response.text()) };
    };
    const isRepeatable = method === "GET" || options.enqueues === true;
    const { response, body } = await (isRepeatable ? sendAgain({ server, signal }, send) : send()).catch((thrown) => {
      throw unreachable(server, thrown);
    });
    if (!response.ok || body === undefined) throw failureOf(server, response.status, body);
    return { status: response.status, headers: response.headers, body: body as T };
  };
  return {
    server,
    signal,
    ask,
    open,
    read: async <T>(path: string, query?: Ask["query"]) => (await ask<T>("GET", path, query ? { query } : {})).body,
  };
};
