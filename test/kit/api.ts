/** The HTTP application on a real store, a private Redis and the inline queue, with a worker that does as a test says. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/api/app.ts";
import { hashToken, newToken } from "../../src/api/auth.ts";
import type { ApiDeps } from "../../src/api/deps.ts";
import { appendEvents } from "../../src/live/events.ts";
import { openFanout } from "../../src/live/fanout.ts";
import { renewLease } from "../../src/live/leases.ts";
import { silentLog } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { newId } from "../../src/model/ids.ts";
import type { Job, JobError } from "../../src/model/job.ts";
import type { Json } from "../../src/model/json.ts";
import type { Role } from "../../src/model/principal.ts";
import { createAdmission } from "../../src/queue/admit.ts";
import { inlineQueue } from "../../src/queue/inline.ts";
import { closeTailOf } from "../../src/queue/tail.ts";
import { connectRedis, untilReady } from "../../src/redis.ts";
import { claimJob, settleJob } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { insertToken } from "../../src/store/tokens.ts";
import { paperVault } from "./admission.ts";
import { type AnswerCheck, answerCheck } from "./answers.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";
import { openTestStore } from "./store.ts";

/** What the test's worker does with a job: it returns its result, or throws the error it ends with. */
export type Handle = (job: Job, emit: (message: string) => Promise<void>) => Promise<Json>;

export interface Asked {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

export interface ApiBench {
  readonly deps: ApiDeps;
  readonly store: Store;
  readonly redis: TestRedis;
  readonly tokens: Record<Role, string>;
  /** Another API process on the same store and Redis. */
  second(): Promise<{ ask: ApiBench["ask"]; end(): Promise<void> }>;
  ask(method: string, path: string, asked?: Asked): Promise<Response>;
  /** The body of an answer that must have this status. */
  json<T = Record<string, unknown>>(method: string, path: string, asked?: Asked & { status?: number }): Promise<T>;
  makeToken(
    role: Role,
    facts?: { instances?: readonly string[]; expiresAt?: number },
  ): Promise<{ id: string; token: string }>;
  /** From now on jobs are taken and done like this. */
  work(handle: Handle): void;
  end(): Promise<void>;
}

/** A body as bytes with its media type, as it travels. */
const packed = async (body: unknown): Promise<{ type?: string; bytes: string | ArrayBuffer }> => {
  if (typeof body === "string") return { bytes: body };
  if (!(body instanceof FormData)) return { type: "application/json", bytes: JSON.stringify(body) };
  const form = new Response(body);
  return { type: form.headers.get("content-type") ?? "", bytes: await form.arrayBuffer() };
};

/** Every answer of every test is held against the document: streams by their media type only. */
const createChecker = (app: ReturnType<typeof createApp>) => {
  let check: Promise<AnswerCheck> | undefined;
  const load = async (): Promise<AnswerCheck> =>
    answerCheck((await (await app.request("/api/openapi.json")).json()) as Record<string, unknown>);
  return async (method: string, path: string, response: Response): Promise<void> => {
    check ??= load();
    const type = response.headers.get("content-type") ?? "";
    const isJson = /json/.test(type);
    const text = isJson ? await response.clone().text() : "";
    const body = text === "" ? undefined : JSON.parse(text);
    const seen = { method, path: path.split("?")[0] ?? "", status: response.status, type, body };
    const faults = (await check)(isJson && text === "" ? { ...seen, type: "" } : seen);
    if (faults.length > 0) throw new Error(`The answer is not as documented: ${faults.join("; ")}\n${text}`);
  };
};

const asker = (app: ReturnType<typeof createApp>, fallback: string): ApiBench["ask"] => {
  const check = createChecker(app);
  return async (method, path, { token = fallback, body, headers = {}, address = "192.0.2.1" } = {}) => {
    const sent = body === undefined ? undefined : await packed(body);
    const bearer = token === null ? {} : { authorization: `Bearer ${token}` };
    const type = sent?.type === undefined ? {} : { "content-type": sent.type };
    const init: RequestInit = { method, headers: { ...bearer, ...type, ...headers } };
    if (sent) init.body = sent.bytes;
    const response = await app.request(path, init, { address });
    if (method !== "HEAD") await check(method, path, response);
    return response;
  };
};

const jobError = (thrown: unknown): JobError => {
  const {
    code = "driver_failed",
    title = "",
    message = "",
  } = thrown as { code?: JobError["code"]; title?: string; message?: string };
  return { code, title, detail: message };
};

const startWorker = (deps: ApiDeps & { queue: ReturnType<typeof inlineQueue> }, handle: Handle) => {
  const { store, redis, queue } = deps;
  return queue.consume({ concurrency: 8, backgroundShare: 0.75 }, async (id) => {
    const claim = await store.write(() => claimJob({ id, workerId: "wrk_test", now: Date.now() }));
    if (claim.outcome !== "claimed") return { outcome: "done" };
    const { job } = claim;
    const { attempt, kind } = job;
    const events: (NewEvent & { seq: number })[] = [];
    const { instanceId } = job.subject;
    const emit = async (message: string): Promise<void> => {
      const event: NewEvent = { ts: Date.now(), phase: "work", level: "info", message, meta: {}, attempt };
      const facts = { kind, ...(instanceId === undefined ? {} : { instanceId }) };
      const numbered = { ...event, seq: events.length + 1 };
      const [answer] = await appendEvents(redis, [{ jobId: id, attempt, events: [numbered], facts }]);
      if (answer === "kept") events.push(numbered);
    };
    const outcome = await handle(job, emit).then(
      (result) => ({ state: "succeeded" as const, result, error: null }),
      (thrown) => ({ state: "failed" as const, result: null, error: jobError(thrown) }),
    );
    await store.write(() => settleJob({ id, attempt, ...outcome, events, now: Date.now() }));
    const settled = { ...job, ...outcome, lastSeq: events.length, finishedAt: Date.now() };
    await closeTailOf({ store, redis, queue }, settled, { isHeld: true });
    return { outcome: "done" };
  });
};

const connect = async (url: string, store: Store, queue: ReturnType<typeof inlineQueue>, config: ApiDeps["config"]) => {
  const redis = connectRedis(url, { role: "producer" });
  const subscriber = connectRedis(url);
  const blocking = connectRedis(url);
  await untilReady(redis, 5000);
  const fanout = openFanout(blocking, silentLog);
  await fanout.ready;
  const stopping = new AbortController();
  const admission = createAdmission({
    store,
    queue,
    vault: paperVault,
    now: Date.now,
    isRedisUp: () => true,
    log: silentLog,
  });
  const deps = {
    ...{ store, redis, subscriber, queue, admission, fanout, config },
    vaultSeal: ({ instanceId, name, version }: { instanceId: string; name: string; version: number }, value: string) =>
      `sealed(${instanceId}/${name}/${version}/${value.length})`,
    now: Date.now,
    log: silentLog,
    metrics: createMetrics(),
    version: "1.0.0",
    signal: stopping.signal,
  };
  const end = async (): Promise<void> => {
    stopping.abort();
    await admission.close();
    await fanout.close();
    for (const connection of [redis, subscriber, blocking]) connection.disconnect();
  };
  return { deps, end };
};

export const openApiBench = async (config: Partial<ApiDeps["config"]> = {}): Promise<ApiBench> => {
  const scratchDir = await mkdtemp(join(tmpdir(), "sw-api-"));
  const { store, end: endStore } = await openTestStore();
  const redis = await startTestRedis();
  const queue = inlineQueue();
  const settings = { corsOrigins: [], scratchDir, ...config };
  const first = await connect(redis.url, store, queue, settings);
  const { deps } = first;
  const makeToken: ApiBench["makeToken"] = async (role, { instances = null, expiresAt = null } = {} as never) => {
    const token = newToken();
    const id = newId("tok", Date.now());
    const row = { id, name: `a ${role}`, role, hash: hashToken(token), instances, expiresAt, createdAt: Date.now() };
    await store.write(() => insertToken(row));
    return { id, token };
  };
  const tokens = {
    viewer: (await makeToken("viewer")).token,
    operator: (await makeToken("operator")).token,
    admin: (await makeToken("admin")).token,
  };
  await renewLease(deps.redis, "wrk_test", 60_000, { host: "here", level: "full", startedAt: Date.now() });
  const ask = asker(createApp(deps), tokens.admin);
  let worker: ReturnType<typeof startWorker> | undefined;
  return {
    ...{ deps, store, redis, tokens, ask, makeToken },
    json: async (method, path, { status = 200, ...asked } = {}) => {
      const response = await ask(method, path, asked);
      const text = await response.text();
      if (response.status !== status)
        throw new Error(`${method} ${path}: expected ${status}, got ${response.status}: ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
    second: async () => {
      const other = await connect(redis.url, store, queue, settings);
      return { ask: asker(createApp(other.deps), tokens.admin), end: other.end };
    },
    work: (handle) => {
      worker = startWorker({ ...deps, queue }, handle);
    },
    end: async () => {
      await worker?.close(100);
      await first.end();
      await queue.close();
      await endStore();
      await redis.stop();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
};

export interface Seen {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** The events of a stream as they come, until it ends. */
export async function* readEventsOf(response: Response): AsyncGenerator<Seen> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    rest += decoder.decode(chunk, { stream: true });
    const frames = rest.split("\n\n");
    rest = frames.pop() ?? "";
    for (const text of frames) {
      if (text.startsWith(":")) continue;
      const fields = Object.fromEntries(text.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2))) as Record<
        string,
        string
      >;
      yield { id: fields["id"] ?? "", event: fields["event"] ?? "", data: JSON.parse(fields["data"] ?? "null") };
    }
  }
}

/** All events of a stream that ends. */
export const allEventsOf = async (response: Response): Promise<Seen[]> => {
  const seen: Seen[] = [];
  for await (const event of readEventsOf(response)) seen.push(event);
  return seen;
};

/** The events up to the one that is meant; the connection is given up then. */
export const eventsUntil = async (
  response: Response,
  isLast: (event: Seen, count: number) => boolean,
): Promise<Seen[]> => {
  const seen: Seen[] = [];
  for await (const event of readEventsOf(response)) {
    seen.push(event);
    if (isLast(event, seen.length)) break;
  }
  return seen;
};
