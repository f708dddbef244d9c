/** A process with one plain BullMQ worker: the consuming side of the baseline. Arguments: Redis, queue, concurrency, how. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { tellTimes } from "./tell-times.ts";

const [, , redisPath = "", queue = "", concurrency = "1", how = "inline"] = process.argv;
const connection = new Redis(redisPath, { maxRetriesPerRequest: null });
const processor = how === "sandboxed" ? new URL("./bull-noop.cjs", import.meta.url) : async () => ({ ok: true });
const worker = new Worker(queue, processor, {
  connection,
  concurrency: Number(concurrency),
  removeOnComplete: { count: 0 },
});
await tellTimes(worker);
