/** A process with one plain BullMQ worker: the consuming side of the baseline. Arguments: Redis, queue, concurrency, how. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const [, , redisPath = "", queue = "", concurrency = "1", how = "inline"] = process.argv;
const connection = new Redis(redisPath, { maxRetriesPerRequest: null });
const processor = how === "sandboxed" ? new URL("./bull-noop.cjs", import.meta.url) : async () => ({ ok: true });
const worker = new Worker(queue, processor, {
  connection,
  concurrency: Number(concurrency),
  removeOnComplete: { count: 0 },
});
let times: number[] = [];
worker.on("completed", () => void times.push(performance.timeOrigin + performance.now()));
process.on("message", () => {
  process.send?.({ times });
  times = [];
});
process.on("disconnect", () => process.exit(0));
await worker.waitUntilReady();
process.send?.({ ready: true });
