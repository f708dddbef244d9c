/** A worker's lease is lost when it cannot be renewed in time, and says whether the worker itself stood still. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { type Lease, startLease } from "../../src/workers/lease.ts";

const [ttlMs, everyMs] = [4_000, 1_000];

const open = async () => {
  const seen = { now: 0, lost: 0, regained: 0, isRedisUp: true };
  const lease: Lease = await startLease({
    ttlMs,
    everyMs,
    monotonic: () => seen.now,
    renew: () => (seen.isRedisUp ? Promise.resolve() : Promise.reject(new Error("away"))),
    onLost() {
      seen.lost += 1;
    },
    onRegained() {
      seen.regained += 1;
    },
    log: silentLog,
  });
  const pass = async (beats: number): Promise<void> => {
    for (let beat = 0; beat < beats; beat += 1) {
      seen.now += everyMs;
      await vi.advanceTimersByTimeAsync(everyMs);
    }
  };
  return { seen, lease, pass };
};

describe("the lease of a worker", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is held as long as it is renewed", async () => {
    const { seen, lease, pass } = await open();
    await pass(30);
    expect([lease.isHeld, seen.lost]).toEqual([true, 0]);
    lease.stop();
  });

  it("is lost while Redis is away, which is nobody's standing still, and regained", async () => {
    const { seen, lease, pass } = await open();
    seen.isRedisUp = false;
    await pass(6);
    expect([lease.isHeld, lease.stoodStill, seen.lost]).toEqual([false, false, 1]);
    seen.isRedisUp = true;
    await pass(1);
    expect([lease.isHeld, seen.regained]).toEqual([true, 2]);
    lease.stop();
  });

  it("is lost by a worker that stands still, however it comes to know", async () => {
    const asked = await open();
    asked.seen.now += ttlMs + 500;
    expect([asked.lease.isHeld, asked.lease.stoodStill, asked.seen.lost]).toEqual([false, true, 1]);
    asked.lease.stop();
    const woken = await open();
    woken.seen.now += ttlMs + 500;
    await woken.pass(1);
    expect([woken.lease.stoodStill, woken.seen.lost, woken.lease.isHeld]).toEqual([true, 1, true]);
    await woken.pass(40);
    expect([woken.lease.stoodStill, woken.lease.isHeld]).toEqual([false, true]);
    woken.lease.stop();
  });
});
