/** The private Redis of the data folder, started again when it dies. */
import type { Log } from "../log.ts";
import { startRedis } from "./private-redis.ts";

export interface KeptRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const firstDelayMs = 100;
const longestDelayMs = 5_000;

/** Resolves when Redis answers. */
export const keepRedis = async (dir: string, log: Log): Promise<KeptRedis> => {
  let redis = await startRedis({ dir, log });
  let isStopping = false;

  const again = async (): Promise<void> => {
    for (let delayMs = firstDelayMs; !isStopping; delayMs = Math.min(longestDelayMs, delayMs * 2)) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      try {
        if (!isStopping) redis = await startRedis({ dir, log });
        return;
      } catch (error) {
        log.error({ err: String(error) }, "Redis could not be started again");
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (!isStopping) {
      await redis.ended;
      if (isStopping) return;
      log.error({}, "Redis ended and is started again");
      await again();
    }
  };
  void watch();
  return {
    url: redis.url,
    async stop() {
      isStopping = true;
      await redis.stop();
    },
  };
};
