/** Jobs in a store, brought as far as a test needs them. */
import { claimJob, insertJob, type NewJob, settleJob } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { eventsFrom, newJob } from "./stores.ts";

export const admit = async (store: Store, given: Partial<NewJob> = {}): Promise<string> =>
  (await store.write(() => insertJob(newJob(given)))).job.id;
export const claim = (store: Store, id: string, workerId = "wrk_1") =>
  store.write(() => claimJob({ id, workerId, now: 2_000 }));
export const settle = async (
  store: Store,
  id: string,
  given: { state?: "succeeded" | "failed"; now?: number; routine?: boolean } = {},
) => {
  const { state = "succeeded", now = 3_000, routine = false } = given;
  await claim(store, id);
  await store.write(() =>
    settleJob({ id, attempt: 1, state, result: null, error: null, events: eventsFrom(1, 2), now, routine }),
  );
};
export const ids = (jobs: readonly { id: string }[]): string[] => jobs.map(({ id }) => id);
