/** Does something again and again, one round at a time, until the signal; a failed round is logged and forgotten. */
import type { Log } from "../log.ts";

export interface Round {
  readonly name: string;
  readonly everyMs: number;
  readonly log: Log;
  run(): Promise<void>;
}

/** Resolves when the last round is over. The first round begins at once. */
export const every = async ({ name, everyMs, log, run }: Round, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await run().catch((error: unknown) => log.warn({ err: error, round: name }, "A round of the sweep failed"));
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, everyMs);
      timer.unref();
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }
};
