/** A driver's words on their way into the job's log. */
import { terminalText } from "../model/terminal-text.ts";
import type { SandboxCall } from "../sandbox/pool.ts";
import { artifactKeeper } from "./artifacts.ts";
import type { Attempt } from "./attempt.ts";
import { progressOf } from "./progress.ts";

/** Takes the events of a sandbox: logs become events, progress the job's progress, artifacts are kept. */
export const driverEvents = (attempt: Attempt, now: () => number): SandboxCall["onEvent"] => {
  const { emitter } = attempt;
  const keep = artifactKeeper(attempt, now);
  return (event) => {
    switch (event.kind) {
      case "log":
        emitter.emitDriver({
          phase: "driver",
          level: event.level,
          message: terminalText(event.message),
          meta: event.meta ?? {},
        });
        return;
      case "progress":
        progressOf(attempt, { phase: "driver", message: event.message, percent: event.percent }, "driver");
        return;
      default:
        keep(event);
    }
  };
};
