/** The tails of settled jobs: they go on while the next jobs are claimed, and their rows are marked in company. */
import type { Log } from "../log.ts";
import type { Job } from "../model/job.ts";
import { createMarks } from "../queue/marks.ts";
import { closeTailOf, freeLocks, type TailDeps } from "../queue/tail.ts";
import { closeTail } from "../store/jobs.ts";
import type { Emitter } from "./emitter.ts";

export interface Tails {
  /** Sees to the watchers and locks of a settled job that this worker holds in the queue; nobody waits for it. */
  follow(job: Job, tell: Emitter["end"]): void;
  /** Resolves when nothing is left to do. */
  drain(): Promise<void>;
}

const markAfterMs = 100;

export const createTails = (deps: { readonly tail: TailDeps; readonly log: Log }): Tails => {
  const { tail, log } = deps;
  const open = new Set<Promise<void>>();
  const marks = createMarks({
    afterMs: markAfterMs,
    write: (ids) =>
      tail.store.write(
        function* () {
          for (const id of ids) yield* closeTail(id);
        },
        { mayLag: () => true },
      ),
    onFailure: (thrown) => log.warn({ err: thrown }, "closed tails were not marked; the sweep sees to them"),
  });
  return {
    follow(job, tell) {
      const freed = freeLocks(tail, job);
      const options = { isHeld: true, tell, freed, markLater: (id: string) => marks.add([id]) };
      const closing: Promise<void> = closeTailOf(tail, job, options)
        .catch((thrown: unknown) => log.warn({ job_id: job.id, err: thrown }, "a tail is left to the sweep"))
        .finally(() => open.delete(closing));
      open.add(closing);
    },
    async drain() {
      await Promise.all(open);
      await marks.flush();
    },
  };
};
