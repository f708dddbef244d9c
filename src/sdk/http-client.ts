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
  /** Put behind the path, encoded; a list of pairs keeps its order and may repeat a name. */
  readonly query?: Readonly<Record<string, string | number | boolean>> | readonly (readonly [string, string])[];
  /** Beside those of the manifest, none of which may be named again. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A body of JSON. */
  readonly json?: Json;
  /** A body of URL-encoded fields. */
  readonly form?: Readonly<Record<string, string | number | boolean>> | readonly (readonly [string, string])[];
  /** A body of parts: `{name, text}`, or `{name, filename, content_type, base64}`. */
  readonly multipart?: readonly Readonly<Record<string, Json>>[];
  /** A body of text. */
  readonly text?: string;
  /** A body of bytes, in base64. */
  readonly base64?: string;
  /** Of `text` and `base64`. */
  readonly content_type?: string;
  /** For the whole request, in milliseconds; default: the manifest's. */
  readonly timeout_ms?: number;
}

/** Any status is an answer; only a failed contact throws (DriverError with its cause as code). */
export interface HttpResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As text, at most 16 MiB. */
  readonly body: string;
  /** From the request to the end of its answer, in milliseconds. */
  readonly latency_ms: number;
  /** The body as JSON; throws `protocol_mismatch` when it is none. */
  json<T = unknown>(): T;
}

/** Requests to one endpoint. GET and HEAD read; what else reads is named by the manifest's `reads`, and any other is a write. */
export interface HttpClient {
  /**
   * Sends one request; a status of 400 and above is an answer, too. Throws DriverError: `dns_failed`,
   * `connection_refused`, `network_unreachable`, `connect_timeout`, `response_timeout`, `tls_untrusted`,
   * `tls_name_mismatch`, `auth_failed` (the manifest's login was refused), `protocol_mismatch`, `response_too_large`,
   * `endpoint_not_allowed`, `handle_misplaced`, `read_only_violation`, `plan_deviation` ...
   */
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
