/** Puts jobs on the system under measure and reads from its store what became of them. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { Redis } from "ioredis";
import { requestBytes, volley } from "./load.ts";
import type { Stack } from "./stack.ts";
import { until } from "./until.ts";

/** What a job carries: 1 KB. */
export const payload = "x".repeat(960);

export interface ActionBody {
  readonly capability: string;
  readonly verb: string;
  readonly target: { readonly type: "vm"; readonly id: string };
  readonly params: Readonly<Record<string, unknown>>;
}

export const noopBody: ActionBody = {
  capability: "bench.noop",
  verb: "get",
  target: { type: "vm", id: "1" },
  params: { data: payload },
};

export const holdBody = (target: string, ms: number): ActionBody => ({
  capability: "bench.hold",
  verb: "set",
  target: { type: "vm", id: target },
  params: { ms, data: payload },
});

export const actionsPath = ({ instanceId }: Stack): string => `/api/integrations/instances/${instanceId}/actions`;

export const actionRequest = (stack: Stack, body: ActionBody): Buffer =>
  requestBytes(stack, "POST", actionsPath(stack), body);

/** Enqueues over HTTP; requests per second. */
export const enqueue = (stack: Stack, count: number, body: (index: number) => ActionBody, inFlight = 16) => {
  const known = new Map<ActionBody, Buffer>();
  const request = (index: number): Buffer => {
    const asked = body(index);
    const bytes = known.get(asked) ?? actionRequest(stack, asked);
    known.set(asked, bytes);
    return bytes;
  };
  return volley(stack.url, { count, inFlight, expected: 202, request });
};

export interface JobTimes {
  readonly id: string;
  readonly admission: number;
  readonly target: string;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly state: string;
}

/** The settled jobs that were admitted after a number, in that order. */
export const settledSince = ({ dataDir }: Stack, admission: number): JobTimes[] => {
  const db = new Database(join(dataDir, "switchyard.db"), { readonly: true });
  const rows = db
    .prepare(
      `select id, admission, json_extract(target, '$.id') as target, started_at as startedAt,
       finished_at as finishedAt, state from jobs where admission > ? and finished_at is not null order by admission`,
    )
    .all(admission) as JobTimes[];
  db.close();
  const failed = rows.find(({ state }) => state !== "succeeded");
  if (failed) throw new Error(`a job did not succeed: ${JSON.stringify(failed)}`);
  return rows;
};

/** The number of the newest job. */
export const lastAdmission = ({ dataDir }: Stack): number => {
  const db = new Database(join(dataDir, "switchyard.db"), { readonly: true });
  const row = db.prepare("select max(admission) as last from jobs").get() as { last: number | null };
  db.close();
  return row.last ?? 0;
};

/** How many settled jobs were admitted after a number; cheap enough to be asked while jobs run. */
const openSince = ({ dataDir }: Stack, admission: number): number => {
  const db = new Database(join(dataDir, "switchyard.db"), { readonly: true });
  const row = db
    .prepare("select count(*) as open from jobs where admission > ? and finished_at is null")
    .get(admission) as { open: number };
  db.close();
  return row.open;
};

export const untilSettled = (stack: Stack, since: number, open = 0): Promise<void> =>
  until(() => openSince(stack, since) <= open, "the jobs to settle", { timeoutMs: 180_000, everyMs: 100 });

export const openRedis = ({ redisUrl }: Stack): Redis => new Redis(redisUrl);
