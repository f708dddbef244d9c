/** A driver's view of an http endpoint: requests go to the runner, which sends them. */
import type { Json } from "../model/json.ts";
import { DriverError } from "./driver-error.ts";

/** One request. Exactly one of `path` and `url`; at most one body. */
export interface HttpRequest {
  /** Default GET. */
  readonly method?: string;
  /** Relative to the endpoint's base; begins with `/` or is empty. */
  readonly path?: string;
  /** Absolute, inside the endpoint's base: for links that a device hands out. */
  readonly url?: string;
  readonly query?: Readonly<Record<string, string | number | boolean>> | readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: Json;
  readonly form?: Readonly<Record<string, string | number | boolean>> | readonly (readonly [string, string])[];
  readonly multipart?: readonly Readonly<Record<string, Json>>[];
  readonly text?: string;
  readonly base64?: string;
  readonly content_type?: string;
  readonly timeout_ms?: number;
}

/** Any status is an answer; only a failed contact throws (DriverError with its cause as code). */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly latency_ms: number;
  /** The body as JSON; throws `protocol_mismatch` when it is none. */
  json<T = unknown>(): T;
}

export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
}

/** Sends one operation to the runner. */
export type Ask = (op: string, args: unknown) => Promise<unknown>;

type WireAnswer = Omit<HttpResponse, "json">;

const parseBody = (body: string, status: number): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    const seen = body.length > 80 ? `${body.slice(0, 80)}...` : body;
    throw new DriverError("protocol_mismatch", `Expected a JSON body, got (status ${status}): ${seen || "nothing"}`);
  }
};

const isWireAnswer = (answer: unknown): answer is WireAnswer =>
  typeof answer === "object" &&
  answer !== null &&
  typeof (answer as WireAnswer).status === "number" &&
  typeof (answer as WireAnswer).body === "string";

/** An http answer with its `json()`; any other answer as it is. */
export const httpResponseOf = (answer: unknown): unknown => {
  if (!isWireAnswer(answer)) return answer;
  const { status, headers, body, latency_ms } = answer;
  return { status, headers, body, latency_ms, json: () => parseBody(body, status) };
};

/** A client of the endpoint that the manifest calls `transport`. */
export const createHttpClient = (ask: Ask, transport: string): HttpClient => ({
  request: async (request) => httpResponseOf(await ask("http.request", { ...request, transport })) as HttpResponse,
});
