/** A driver that breaks what its own process works with is told so at once, or ended at its deadline: never later. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testableLevels } from "../kit/levels.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import { type Bench, openBench } from "../kit/sandbox.ts";
import { breakingBodies, breakingDriver, breakingPythonBodies, breakingPythonDriver } from "./breaking-drivers.ts";

/** An action may take a quarter of an hour: who is broken must be known much sooner. */
const longMs = 900_000;
const soonMs = 8_000;
const deadlineMs = 1_500;

/** What cannot be told from hard work is ended at the deadline. */
const untilDeadline = new Set([
  ...["breaksThen", "breaksTimers", "breaksMaps", "answersThenable", "answersSlowly", "hangsAtExit", "breaksEmit"],
  ...["mutes_the_line", "takes_the_locks", "takes_the_line", "empties_the_loop", "ignores_cancels"],
  ...["answers_slowly", "fails_slowly"],
]);
/** Nothing that their process needs is gone. */
const unharmed = new Set(["closesTheStreams", "closes_the_streams", "drops_the_streams", "drops_the_modules"]);
/** They answer; the next call finds what is broken, and the one after it a fresh process. */
const laterTold = new Set(["breaksArrays", "breaksSlices", "breaksParse", "breaksImmediates"]);

const namesOf = (bodies: object) => {
  const names = Object.keys(bodies);
  return {
    told: names.filter((name) => ![untilDeadline, unharmed, laterTold].some((set) => set.has(name))),
    later: names.filter((name) => laterTold.has(name)),
    overdue: names.filter((name) => untilDeadline.has(name)),
    fine: names.filter((name) => unharmed.has(name)),
  };
};

const suite = (open: () => Promise<Bench>, { told, later, overdue, fine }: ReturnType<typeof namesOf>): void => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await open();
  });
  afterAll(() => bench.close());

  const attempt = async (method: string, timeoutMs: number) => {
    const startedAt = performance.now();
    const outcome = await bench.call(method, {}, { timeoutMs, instanceId: `ins_${method}` }).then(
      (value) => ({ value }),
      ({ code, message }: { code: string; message: string }) => ({ code, message }),
    );
    return { ...outcome, ms: performance.now() - startedAt };
  };
  const expectFresh = async (method: string): Promise<void> => {
    expect(await bench.call("ping", {}, { timeoutMs: 30_000, instanceId: `ins_${method}` })).toBe("pong");
  };

  test.each(told)(
    "%s: the call fails at once, and the next one finds a fresh process",
    async (method) => {
      const { ms, ...outcome } = await attempt(method, longMs);
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^(driver_failed|sandbox_crashed)$/) });
      expect(outcome).toMatchObject({
        message: expect.stringMatching(/broke what its own process|ended by itself|\(at driver|broken|^1$/),
      });
      expect(ms).toBeLessThan(soonMs);
      await expectFresh(method);
    },
    45_000,
  );

  test.runIf(later.length > 0).each(later)(
    "%s: at most the next call fails for it",
    async (method) => {
      expect(await attempt(method, longMs)).toMatchObject({ value: "done" });
      const startedAt = performance.now();
      await bench.call("ping", {}, { timeoutMs: longMs, instanceId: `ins_${method}` }).catch(() => undefined);
      expect(performance.now() - startedAt).toBeLessThan(soonMs);
      await expectFresh(method);
    },
    45_000,
  );

  test.each(overdue)(
    "%s: the runner ends it at its deadline",
    async (method) => {
      const { ms, ...outcome } = await attempt(method, deadlineMs);
      expect(outcome).toMatchObject({ code: "timed_out" });
      expect(ms).toBeLessThan(deadlineMs + 2_000);
      await expectFresh(method);
    },
    45_000,
  );

  test.each(fine)(
    "%s: nothing is lost with it",
    async (method) => {
      expect(await attempt(method, longMs)).toMatchObject({ value: "done" });
      await expectFresh(method);
    },
    45_000,
  );

  test("no process is left when the pool has closed its instances", async () => {
    for (const method of [...told, ...later, ...overdue, ...fine]) bench.pool.endInstance(`ins_${method}`);
    await expect.poll(() => bench.pool.stats(), { timeout: 5_000 }).toEqual({ processes: 0, busy: 0 });
  });
};

describe.each(await testableLevels())("a driver in JavaScript, at level %s", (level) => {
  suite(() => openBench(level, { "driver.js": breakingDriver }), namesOf(breakingBodies));
});

describe.skipIf(!canRunPython)("a driver in Python", () => {
  suite(() => openPythonBench({ "driver.py": breakingPythonDriver }), namesOf(breakingPythonBodies));
});
