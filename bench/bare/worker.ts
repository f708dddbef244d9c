/** The least a worker can do: claim, call, settle, and say so twice. Arguments: Redis, queue, file, concurrency. */
import { type ChildProcess, fork } from "node:child_process";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { payload } from "../kit/jobs.ts";
import { tellTimes } from "../kit/tell-times.ts";
import { openBareStore } from "./store.ts";

const [, , redisPath = "", queueName = "", file = "", concurrency = "1"] = process.argv;
const connection = new Redis(redisPath, { maxRetriesPerRequest: null });
const events = new Redis(redisPath);
const store = openBareStore(file);
const children = new URL("./child.cjs", import.meta.url);
const waiting = new Map<string, (value: unknown) => void>();
const idle: ChildProcess[] = [];

const startChild = (): ChildProcess => {
  const child = fork(children, [], { execArgv: [] });
  child.on("message", ({ id, value }: { id: string; value: unknown }) => {
    idle.push(child);
    waiting.get(id)?.(value);
    waiting.delete(id);
  });
  return child;
};

const call = (id: string): Promise<unknown> => {
  const child = idle.pop() ?? startChild();
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    child.send({ id, data: payload });
  });
};

const say = (id: string, what: string): Promise<unknown> =>
  events.xadd(`bare:${id}`, "MAXLEN", "~", 1000, "*", "d", JSON.stringify({ job_id: id, what, at: Date.now() }));

const run = async (id: string): Promise<void> => {
  await store.write(() => store.claim(id));
  const begun = say(id, "started");
  const answer = JSON.stringify(await call(id));
  await store.write(() => store.settle(id, answer));
  await Promise.all([begun, say(id, "done")]);
};
const worker = new Worker(queueName, ({ id = "" }) => run(id), {
  connection,
  concurrency: Number(concurrency),
  removeOnComplete: { count: 0 },
});
await tellTimes(worker);
