/** The tails of settled jobs: they go on while the next jobs are claimed, and their rows are marked in company. */
import type { Log } from "../log.ts";
import type { Job } from "../model/job.ts";
import { closeTailOf, type TailDeps } from "../queue/tail.ts";
import { closeTail } from "../store/jobs.ts";

export interface Tails {
  /** Sees to the watchers and locks of a settled job that this worker holds in the queue. */
  follow(job: Job): void;
  /** Resolves when nothing is left to do. */
  drain(): Promise<void>;
}

/** Marking is only for the sweep, which looks at older rows: it can wait for company. */
const markAfterMs = 100;

const createMarks = ({ tail, log }: { tail: TailDeps; log: Log }) => {
  let ids: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const marked = ids;
    ids = [];
    if (marked.length === 0) return;
    await tail.store
      .write(function* () {
        for (const id of marked) yield* closeTail(id);
      })
      .catch((thrown: unknown) => log.warn({ err: thrown }, "closed tails were not marked; the sweep sees to them"));
  };
  return {
    add: (id: string): void => {
      ids.push(id);
      timer ??= setTimeout(() => void flush(), markAfterMs);
    },
    flush,
  };
};

export const createTails = (deps: { readonly tail: TailDeps; readonly log: Log }): Tails => {
  const { tail, log } = deps;
  const open = new Set<Promise<void>>();
  const marks = createMarks(deps);
  return {
    follow(job) {
      const closing: Promise<void> = closeTailOf(tail, job, { isHeld: true, markLater: marks.add })
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
