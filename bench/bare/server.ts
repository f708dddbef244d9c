/** The least an API can do: one token, one route, a durable row, the job on the queue. Arguments: Redis, queue, file. */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { serve } from "@hono/node-server";
import { Queue } from "bullmq";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { openBareStore } from "./store.ts";

const [, , redisPath = "", queueName = "", file = "", token = ""] = process.argv;
const queue = new Queue(queueName, { connection: new Redis(redisPath, { maxRetriesPerRequest: null }) });
const store = openBareStore(file);
const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
const known = hashOf(`Bearer ${token}`);

let added: string[] = [];
let adding: Promise<unknown> = Promise.resolve();
/** What is asked for in one turn is added together. */
const enqueue = (id: string): Promise<unknown> => {
  if (added.length === 0) {
    adding = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      const jobs = added.map((jobId) => ({ name: "job", data: null, opts: { jobId } }));
      added = [];
      return queue.addBulk(jobs);
    });
  }
  added.push(id);
  return adding;
};

const app = new Hono();
app.post("/jobs", async (context) => {
  if (!timingSafeEqual(hashOf(context.req.header("authorization") ?? ""), known)) return context.body(null, 401);
  const body = await context.req.json();
  const id = randomUUID();
  await store.write(() => store.insert(id, JSON.stringify(body)));
  await enqueue(id);
  return context.json({ job_id: id, state: "queued" }, 202);
});
serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send?.({ port }));
process.on("disconnect", () => process.exit(0));
