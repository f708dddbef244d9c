/** A worker for tests that claims one job, says so, and never ends by itself. Arguments: Redis, prefix. */
import { silentLog } from "../../src/log.ts";
import { consume } from "../../src/queue/bullmq.ts";

const [redisUrl = "", prefix = ""] = process.argv.slice(2);
consume({ redisUrl, prefix, concurrency: 1, backgroundShare: 0.75, log: silentLog }, async (id) => {
  process.stdout.write(`${id}\n`);
  return new Promise(() => undefined);
});
