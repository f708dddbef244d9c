/** Random jobs with random locks against a real Redis: nobody shares what is exclusive, nobody overtakes, all are served. */
import { describe, expect, test } from "vitest";
import { lookAgain } from "../../src/live/locks.ts";
import type { LockNeed } from "../../src/model/job.ts";
import type { Redis } from "../../src/redis.ts";
import { acquire, forget, release, sweepLines } from "../kit/lock-calls.ts";
import { type Chance, chanceOf } from "../kit/random.ts";
import { hasRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

interface Work {
  readonly id: string;
  readonly admission: number;
  readonly locks: readonly LockNeed[];
}

const conflict = (a: readonly LockNeed[], b: readonly LockNeed[]): boolean =>
  a.some(({ name, mode }) =>
    b.some((other) => other.name === name && (mode === "exclusive" || other.mode === "exclusive")),
  );

const randomLocks = (chance: Chance): LockNeed[] => {
  const instance = `instance/${chance.below(2)}`;
  if (chance.once(8)) return [{ name: instance, mode: "exclusive" }];
  if (chance.once(4)) {
    const names = new Set(Array.from({ length: 1 + chance.below(3) }, () => `free/${chance.below(5)}`));
    return [...names].map((name) => ({ name, mode: chance.once(2) ? "exclusive" : "shared" }));
  }
  return [
    { name: `target/${instance}/${chance.below(3)}`, mode: "exclusive" },
    { name: instance, mode: "shared" },
  ];
};

const randomWork = (chance: Chance, count: number): Work[] =>
  Array.from({ length: count }, (_, index) => ({ id: `j${index}`, admission: index + 1, locks: randomLocks(chance) }));

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A queue with slots, as small as can be: what is ready is run, what is parked waits to be promoted. */
const simulate = (work: readonly Work[], slots: number) => {
  const byId = new Map(work.map((one) => [one.id, one]));
  const ready = work.map(({ id }) => id);
  const parked = new Set<string>();
  const running = new Map<string, Work>();
  const over = new Set<string>();
  const order: Work[] = [];
  const violations: string[] = [];

  const promote = (ids: readonly string[]): void => {
    for (const id of [...ids].reverse()) if (parked.delete(id)) ready.unshift(id);
  };
  const enter = (one: Work): void => {
    for (const other of running.values())
      if (conflict(one.locks, other.locks)) violations.push(`${one.id} ran beside ${other.id}`);
    running.set(one.id, one);
    order.push(one);
  };
  return { byId, ready, parked, running, over, order, violations, promote, enter, slots };
};
type Simulation = ReturnType<typeof simulate>;

describe.skipIf(!hasRedis)("locks under random jobs", () => {
  let redis: Redis;
  useRedis((used) => {
    redis = used.redis;
  });

  const ask = async ({ id, admission, locks }: Work, ttlMs: number): Promise<boolean> =>
    (await acquire(redis, { jobId: id, attempt: 1, locks, admission, ttlMs })).got;

  const serve = async (sim: Simulation, chance: Chance, one: Work): Promise<void> => {
    if (!(await ask(one, 60_000))) {
      await turns(chance.below(3));
      sim.parked.add(one.id);
      if (await lookAgain(redis, one.id)) sim.promote([one.id]);
      return;
    }
    sim.enter(one);
    await turns(chance.below(6));
    sim.running.delete(one.id);
    sim.over.add(one.id);
    sim.promote(await release(redis, one.id, one.locks));
  };

  test.each([1, 2, 3, 4, 5, 6])(
    "without losses no sweep is needed and each line is served in order (seed %i)",
    async (seed) => {
      await redis.flushall();
      const chance = chanceOf(seed);
      const work = randomWork(chance, 250);
      const sim = simulate(work, 8);
      const slot = async (): Promise<void> => {
        while (sim.over.size < work.length) {
          const id = sim.ready.shift();
          if (id === undefined) await turns(1);
          else await serve(sim, chance, sim.byId.get(id)!);
        }
      };
      await Promise.all(Array.from({ length: sim.slots }, slot));
      expect(sim.violations).toEqual([]);
      const overtaken = sim.order.flatMap((one, place) =>
        sim.order
          .slice(place + 1)
          .filter((later) => later.admission < one.admission && conflict(one.locks, later.locks))
          .map((later) => `${one.id} before ${later.id}`),
      );
      expect(overtaken).toEqual([]);
      expect((await redis.keys("sw:*")).filter((key) => key !== "sw:lines:passed")).toEqual([]);
    },
  );

  const parkBadly = async (sim: Simulation, chance: Chance, one: Work): Promise<void> => {
    sim.parked.add(one.id);
    if (chance.once(20)) {
      sim.parked.delete(one.id);
      sim.over.add(one.id);
      sim.promote(await forget(redis, one.id, one.locks, { reserveMs: 60 }));
    } else if (await lookAgain(redis, one.id, { reserveMs: 60 })) sim.promote([one.id]);
  };

  /** One life among losses: it may be cancelled, die with its locks, or sleep through its promotion. */
  const serveBadly = async (sim: Simulation, chance: Chance, one: Work): Promise<void> => {
    const dies = chance.once(10);
    if (!(await ask(one, dies ? 80 : 60_000))) return parkBadly(sim, chance, one);
    sim.enter(one);
    await turns(chance.below(4));
    sim.running.delete(one.id);
    sim.over.add(one.id);
    if (dies) return;
    const next = await release(redis, one.id, one.locks, { reserveMs: 60 });
    if (!chance.once(6)) sim.promote(next);
  };

  test.each([11, 12, 13])(
    "with cancels, dead owners and lost promotions all are served in the end (seed %i)",
    async (seed) => {
      await redis.flushall();
      const chance = chanceOf(seed);
      const work = randomWork(chance, 120);
      const sim = simulate(work, 6);
      const slot = async (): Promise<void> => {
        while (sim.over.size < work.length) {
          const [id] = sim.ready.splice(chance.below(sim.ready.length), 1);
          if (id === undefined) await turns(1);
          else await serveBadly(sim, chance, sim.byId.get(id)!);
        }
      };
      const sweep = async (): Promise<void> => {
        while (sim.over.size < work.length) {
          sim.promote(await sweepLines(redis, { reserveMs: 60 }));
          await turns(20);
        }
      };
      await Promise.all([...Array.from({ length: sim.slots }, slot), sweep()]);
      expect(sim.violations).toEqual([]);
      expect(sim.over.size).toBe(work.length);
    },
    60_000,
  );
});
