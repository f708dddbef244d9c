/** In a worker's process: tells the measure, when it asks, at which times jobs were completed since the last question. */
import type { Worker } from "bullmq";

/** Says that the worker is ready; the process ends with the one that measures. */
export const tellTimes = async (worker: Worker): Promise<void> => {
  let times: number[] = [];
  worker.on("completed", () => void times.push(performance.timeOrigin + performance.now()));
  process.on("message", () => {
    process.send?.({ times });
    times = [];
  });
  process.on("disconnect", () => process.exit(0));
  await worker.waitUntilReady();
  process.send?.({ ready: true });
};
