/** How far a job is: an event for the watchers, and the latest one for who asks. */
import type { Progress } from "../model/job.ts";
import type { Attempt } from "./attempt.ts";

export const progressOf = (attempt: Attempt, progress: Progress, by: "runner" | "driver"): void => {
  attempt.unwrittenProgress = progress;
  const { phase, message, percent } = progress;
  const line = { phase, level: "info", message, meta: percent === undefined ? {} : { percent } } as const;
  if (by === "driver") attempt.emitter.emitDriver(line);
  else attempt.emitter.emit(line);
};
