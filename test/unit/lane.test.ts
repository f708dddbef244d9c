/** How a worker looks for jobs: one look while little comes, more and more at once while all of them find something. */
import type { Job, Worker } from "bullmq";
import { afterEach, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { type Lane, openLane } from "../../src/queue/lane.ts";
import { createSlots } from "../../src/queue/slots.ts";

interface Look {
  readonly block: boolean;
  answer(job: Job | undefined): void;
}

const lanes: Lane[] = [];
afterEach(() => Promise.all(lanes.splice(0).map((lane) => lane.pause())));

/** A lane whose looks are answered by hand; what it finds runs for ever. */
const openBench = (concurrency: number) => {
  const looks: Look[] = [];
  const worker = {
    on: () => undefined,
    waitUntilReady: async () => undefined,
    startStalledCheckTimer: async () => undefined,
    extendJobLocks: async () => [],
    getBackend: () => ({ disconnectBlocking: async () => undefined }),
    pause: async () => {
      for (const look of looks.splice(0)) look.answer(undefined);
    },
    getNextJob: (_token: string, { block }: { block: boolean }) =>
      new Promise<Job | undefined>((resolve) => looks.push({ block, answer: resolve })),
  } as unknown as Worker;
  const handler = () => new Promise<never>(() => undefined);
  const slots = createSlots(concurrency, 1);
  lanes.push(openLane({ queue: "interactive", worker, slots, lockMs: 4_000, handler, log: silentLog }));
  let last = 0;
  const found = (): Job => {
    last += 1;
    return { id: `job_${last}`, moveToWait: async () => undefined } as unknown as Job;
  };
  /** Answers the looks of this moment, so many of them with a job; tells how many there were, and whether they waited. */
  const round = async (jobs = Number.POSITIVE_INFINITY): Promise<{ looks: number; waits: boolean }> => {
    await vi.waitFor(() => expect(looks).not.toEqual([]));
    const asked = looks.splice(0);
    for (const [index, { answer }] of asked.entries()) answer(index < jobs ? found() : undefined);
    return { looks: asked.length, waits: asked.some(({ block }) => block) };
  };
  return { round };
};

it("a crowd fills the slots of a worker in a few rounds, and no look goes out without a slot for what it finds", async () => {
  const { round } = openBench(12);
  const rounds = [await round(), await round(), await round(), await round(), await round()];
  expect(rounds.map(({ looks }) => looks)).toEqual([1, 1, 2, 4, 4]);
});

it("one look that finds nothing ends the crowd: the next one goes out alone, and waits for a job", async () => {
  const { round } = openBench(12);
  await round();
  await round();
  await round();
  expect(await round(3)).toEqual({ looks: 4, waits: false });
  expect(await round(0)).toEqual({ looks: 1, waits: true });
  expect(await round()).toEqual({ looks: 1, waits: true });
});
