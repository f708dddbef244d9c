/** A driver's words on their way into the job's log. */
import type { SandboxCall } from "../sandbox/pool.ts";
import type { Attempt } from "./attempt.ts";
import { progressOf } from "./progress.ts";

/** Takes the events of a sandbox: logs and output become events, progress becomes the job's progress. */
export const driverEvents = (attempt: Attempt): SandboxCall["onEvent"] => {
  const { emitter } = attempt;
  return (event) => {
    switch (event.kind) {
      case "log":
        emitter.emitDriver({ phase: "driver", level: event.level, message: event.message, meta: event.meta ?? {} });
        return;
      case "progress":
        progressOf(attempt, { phase: "driver", message: event.message, percent: event.percent }, "driver");
        return;
      default:
        emitter.emit({ phase: "driver", level: "warn", message: "Artifacts are not kept by this version", meta: {} });
    }
  };
};
