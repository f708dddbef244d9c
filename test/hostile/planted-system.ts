/** A running system in which secrets are planted: all that it answers is kept, so that it can be searched afterwards. */
import { type Caller, callerOf } from "../kit/caller.ts";
import { type Reply, type System, startSystem } from "../kit/system.ts";
import type { Content } from "./unpack.ts";

/** The database of the system under test. */
export interface Remembered {
  /** What the system is told; absent: SQLite in its data folder. */
  readonly databaseUrl?: string;
  /** All it kept, by name, once the system has stopped. */
  contents?(): readonly Content[];
  stop?(): Promise<void>;
}

/** What the jobs were and how they ended. */
export interface Seen {
  readonly kinds: ReadonlySet<string>;
  readonly endings: ReadonlySet<string>;
}

export interface Planted {
  readonly system: System;
  readonly caller: Caller;
  readonly remembered: Remembered;
  /** Everything that was answered. */
  readonly replies: readonly unknown[];
  /** What was downloaded, artifacts of the jobs among them. */
  readonly files: readonly Content[];
  /** Downloads a file. */
  download(path: string): Promise<void>;
  /** Asks, and keeps what was answered for the search. */
  ask<T = Record<string, unknown>>(...args: Parameters<System["call"]>): Promise<Reply<T>>;
  /** Reads all that the API tells of every job, once each is over, and of the system. */
  readAll(): Promise<Seen>;
  dispose(): Promise<void>;
}

const lists = [
  ...["/api/audit?limit=500", "/api/tokens", "/api/schedules", "/api/doctor"],
  ...["/api/integrations/instances", "/api/integrations/types", "/api/vault"],
];
const asJson = { accept: "application/json" };
/** Longer than any job of these may take. */
const patienceMs = 90_000;

/** Core files are allowed around it: what it does about them is its own. */
export const startPlanted = async (remembered: Remembered = {}): Promise<Planted> => {
  const { databaseUrl } = remembered;
  const env = { SWITCHYARD_LOG: "trace", ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) };
  const system = await startSystem({ env, around: ["prlimit", "--core=unlimited"] });
  const caller = callerOf(system);
  const replies: unknown[] = [];
  const files: Content[] = [];
  const jobs = new Set<string>();

  const ask: Planted["ask"] = async <T>(...args: Parameters<System["call"]>): Promise<Reply<T>> => {
    const reply = await system.call<T>(...args);
    replies.push([reply.status, [...reply.headers], reply.body]);
    const { id, job_id, kind } = (reply.body ?? {}) as { id?: string; job_id?: string; kind?: string };
    const found = job_id ?? (kind === undefined ? undefined : id);
    if (found?.startsWith("job_")) jobs.add(found);
    return reply;
  };
  const download = async (path: string): Promise<void> => {
    const response = await fetch(system.url + path, { headers: { authorization: `Bearer ${system.token}` } });
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
    files.push([path, Buffer.from(await response.arrayBuffer())]);
  };
  const keepArtifacts = async (id: string): Promise<void> => {
    const { body } = await ask<{ items: { name: string }[] }>("GET", `/api/jobs/${id}/artifacts`);
    for (const { name } of body.items) await download(`/api/jobs/${id}/artifacts/${encodeURIComponent(name)}`);
  };
  const readJob = async (id: string): Promise<readonly [kind: string, ending: string]> => {
    const { error, state } = await caller.settled(id, patienceMs);
    const { body } = await ask<{ kind: string }>("GET", `/api/jobs/${id}`);
    replies.push(await system.watch(id));
    await ask("GET", `/api/jobs/${id}/events?limit=500`, undefined, asJson);
    await ask("GET", `/api/jobs/${id}/journal`);
    await keepArtifacts(id);
    return [body.kind, error?.code ?? state];
  };
  return {
    ...{ system, caller, remembered, replies, files, ask, download },
    readAll: async () => {
      const { body } = await ask<{ items: { id: string }[] }>("GET", "/api/jobs?limit=500");
      for (const { id } of body.items) jobs.add(id);
      const seen: (readonly [string, string])[] = [];
      for (const id of jobs) seen.push(await readJob(id));
      for (const path of lists) await ask("GET", path);
      replies.push(await (await fetch(`${system.url}/metrics`)).text());
      return { kinds: new Set(seen.map(([kind]) => kind)), endings: new Set(seen.map(([, ending]) => ending)) };
    },
    dispose: async () => {
      await system.dispose();
      await remembered.stop?.();
    },
  };
};
