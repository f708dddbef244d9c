/** A watcher of one job: it follows from the beginning to `job.done`, and comes back whenever it is cut off. */
import { setTimeout as pause } from "node:timers/promises";
import { readStream, type SseLine, type System } from "../../kit/system.ts";

export interface Watcher {
  /** What it was shown, in order. */
  readonly lines: readonly SseLine[];
  /** When `job.done` came, on the test's own monotonic clock; null before. */
  readonly doneAt: number | null;
  /** Resolves with `job.done`, or when it was told to stop. */
  readonly ended: Promise<void>;
}

const againMs = 50;

const read = async (system: System, jobId: string, lines: SseLine[], signal: AbortSignal): Promise<void> => {
  const response = await fetch(`${system.url}/api/jobs/${jobId}/events`, {
    headers: {
      authorization: `Bearer ${system.token}`,
      accept: "text/event-stream",
      ...(lines.length === 0 ? {} : { "last-event-id": String(lines.at(-1)?.id) }),
    },
    signal,
  });
  if (!response.ok) return void (await response.body?.cancel());
  for await (const line of readStream(response)) lines.push(line);
};

export const watch = (system: System, jobId: string, signal: AbortSignal): Watcher => {
  const lines: SseLine[] = [];
  let doneAt: number | null = null;
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      await read(system, jobId, lines, signal).catch(() => undefined);
      if (lines.at(-1)?.event === "job.done") {
        doneAt = performance.now();
        return;
      }
      await pause(againMs);
    }
  };
  const ended = follow();
  return {
    lines,
    get doneAt() {
      return doneAt;
    },
    ended,
  };
};

/** All of it once more, for somebody who comes late. */
export const replay = async (system: System, jobId: string): Promise<readonly SseLine[]> => {
  const lines: SseLine[] = [];
  await read(system, jobId, lines, AbortSignal.timeout(20_000)).catch(() => undefined);
  return lines;
};
