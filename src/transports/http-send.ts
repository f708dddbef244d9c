/** Sends http requests: reads with repetition and redirects, writes once. */
import { setTimeout as sleep } from "node:timers/promises";
import { SwitchyardError } from "../errors.ts";
import { belowBase, type HttpEndpoint, originOf } from "../model/endpoint.ts";
import { pathProblem } from "../model/path.ts";
import type { HttpStep } from "../model/plan.ts";
import { mayPass } from "./causes.ts";
import { driverAnswer, type HttpAnswer } from "./http-answer.ts";
import { rawRequest } from "./http-body.ts";
import { forgetLogin, type LoginValues, loginFor } from "./http-login.ts";
import type { RawAnswer } from "./http-pool.ts";
import type { Wire } from "./wire.ts";

const maxRedirects = 3;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Answers that a gateway or a busy device gives instead of the asked one. */
const passingStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

interface Try {
  readonly endpoint: HttpEndpoint;
  readonly wire: Wire;
  readonly deadline: number;
  readonly isWrite: boolean;
}

const remaining = ({ deadline, wire }: Try): number => Math.max(1, deadline - wire.around.now());

const sendOnce = async (step: HttpStep, attempt: Try, login: LoginValues | null): Promise<RawAnswer> => {
  const { endpoint, wire, isWrite } = attempt;
  const request = rawRequest(step, { endpoint, secrets: wire.secrets, login, isWrite });
  const { limits, signal } = wire;
  return wire.warm
    .pool(endpoint)
    .exchange(request, { timeoutMs: remaining(attempt), allowedMs: limits.timeoutMs, signal });
};

/** Sends with the session's login; when the device no longer takes it, a read is sent again with a new one. */
const sendLoggedIn = async (step: HttpStep, attempt: Try): Promise<RawAnswer> => {
  const { endpoint, wire } = attempt;
  const login = await loginFor(endpoint, wire);
  const answer = await sendOnce(step, attempt, login);
  if (login === null || !endpoint.login?.againOn.includes(answer.status)) return answer;
  await forgetLogin(endpoint, login, wire);
  if (attempt.isWrite) return answer;
  answer.release();
  return sendOnce(step, attempt, await loginFor(endpoint, wire));
};

const sendRepeatedly = async (step: HttpStep, attempt: Try): Promise<RawAnswer> => {
  const { limits, signal, around } = attempt.wire;
  for (let failures = 0; ; failures += 1) {
    const waitMs = limits.backoffMs * 2 ** failures;
    // Looked at when a try is over: it may have taken all the time there was.
    const isLast = (): boolean => failures >= limits.retries || around.now() + waitMs >= attempt.deadline;
    try {
      const answer = await sendLoggedIn(step, attempt);
      if (!passingStatuses.has(answer.status) || isLast()) return answer;
      answer.release();
    } catch (thrown) {
      if (!mayPass(thrown) || isLast()) throw thrown;
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {
      throw signal.reason;
    });
  }
};

const elsewhere = (location: string, step: HttpStep): SwitchyardError =>
  new SwitchyardError("endpoint_not_allowed", {
    detail: `${step.method} ${step.path} was redirected to ${JSON.stringify(location.slice(0, 200))}, outside the instance's endpoint: if that is where the device lives, change the instance's config.`,
  });

/** Where a redirect leads, as a read of the same endpoint. */
const redirected = (location: string, step: HttpStep, endpoint: HttpEndpoint): HttpStep => {
  const origin = originOf(endpoint);
  const isAbsolute = /^[a-z][a-z0-9+.-]*:|^\/\//i.test(location);
  const directory = `${endpoint.prefix}${step.path}`.replace(/[^/]*$/, "");
  const path = location.startsWith("/") ? location : `${directory}${location}`;
  const plain = (isAbsolute ? location : `${origin}${path}`).split("#", 1)[0] ?? "";
  const below = plain.startsWith("//") ? undefined : belowBase(plain, endpoint);
  if (below === undefined || pathProblem(below.path) !== undefined) throw elsewhere(location, step);
  const { query: _query, ...rest } = step;
  const query = [...new URLSearchParams(below.query ?? "")];
  return { ...rest, path: below.path, ...(query.length === 0 ? {} : { query }) };
};

const isFollowed = (step: HttpStep): boolean => step.method === "GET" || step.method === "HEAD";

const follow = async (step: HttpStep, attempt: Try, isRead: (step: HttpStep) => boolean): Promise<RawAnswer> => {
  let current = step;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await sendRepeatedly(current, attempt);
    const { location } = answer.headers;
    if (!isFollowed(step) || !redirectStatuses.has(answer.status) || location === undefined) return answer;
    answer.release();
    if (redirects === maxRedirects) {
      throw new SwitchyardError("device_error", {
        detail: `${step.method} ${step.path} was redirected more than ${maxRedirects} times.`,
      });
    }
    current = redirected(location, current, attempt.endpoint);
    if (!isRead(current)) throw elsewhere(location, step);
  }
};

const answered = async (raw: RawAnswer, startedAt: number, wire: Wire): Promise<HttpAnswer> => {
  const ms = wire.around.now() - startedAt;
  try {
    return await driverAnswer(raw, ms, { secrets: wire.secrets, meter: wire.around.meter });
  } finally {
    raw.release();
  }
};

const begin = (endpoint: HttpEndpoint, wire: Wire, isWrite: boolean): Try => ({
  endpoint,
  wire,
  isWrite,
  deadline: wire.around.now() + wire.limits.timeoutMs,
});

/** Sends a read; it is repeated as the manifest's defaults say, and follows redirects inside the endpoint. */
export const sendRead = async (
  step: HttpStep,
  endpoint: HttpEndpoint,
  wire: Wire,
  isRead: (step: HttpStep) => boolean,
): Promise<HttpAnswer> => {
  const startedAt = wire.around.now();
  return answered(await follow(step, begin(endpoint, wire, false), isRead), startedAt, wire);
};

/** Logs in and connects, so that what can fail before a write fails before it is recorded. */
export const reachHttp = async (endpoint: HttpEndpoint, wire: Wire): Promise<void> => {
  await loginFor(endpoint, wire);
  await wire.warm.pool(endpoint).reach({ timeoutMs: wire.limits.timeoutMs, signal: wire.signal });
};

/** Sends a write once, whatever happens. */
export const sendWrite = async (step: HttpStep, endpoint: HttpEndpoint, wire: Wire): Promise<HttpAnswer> => {
  const startedAt = wire.around.now();
  return answered(await sendLoggedIn(step, begin(endpoint, wire, true)), startedAt, wire);
};
