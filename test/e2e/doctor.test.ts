/** The doctor when something is ill: each check says what it found, and what to do next. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Api } from "../../src/api/api.ts";
import { examine } from "../../src/api/health.ts";
import { showKeyHolder } from "../../src/live/key-holders.ts";
import { dropLease, renewLease } from "../../src/live/leases.ts";
import { removeType, upsertType } from "../../src/store/types.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampType, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";
import { openTestStore } from "../kit/store.ts";

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly next_step?: string;
}

describe.skipIf(!hasRedis)("the doctor", () => {
  let bench: ApiBench;
  beforeEach(async () => {
    bench = await openApiBench();
  });
  afterEach(() => bench.end());

  const ill = async (): Promise<readonly Check[]> => {
    const { ok, checks } = await bench.json<{ ok: boolean; checks: Check[] }>("GET", "/api/doctor");
    expect(ok).toBe(false);
    for (const check of checks.filter((one) => one.ok)) expect(check).not.toHaveProperty("next_step");
    return checks.filter((one) => !one.ok);
  };

  it("says what to do when Redis is away; without it no worker is seen either", async () => {
    await bench.redis.kill();
    expect(await ill()).toEqual([
      { check: "redis", ok: false, detail: "Redis does not answer", next_step: expect.stringContaining("REDIS_URL") },
      expect.objectContaining({ check: "workers" }),
      { check: "sandbox", ok: false, detail: expect.stringContaining("no worker"), next_step: expect.any(String) },
    ]);
  });

  it("says what to do when no worker is alive", async () => {
    await dropLease(bench.deps.redis, "wrk_test");
    expect(await ill()).toContainEqual({
      ...{ check: "workers", ok: false, detail: "0 workers are alive" },
      next_step: expect.stringContaining("Start a worker"),
    });
  });

  it("says what to do when a worker's sandbox is weak", async () => {
    const facts = { host: "there", level: "degraded", startedAt: Date.now() };
    await renewLease(bench.deps.redis, "wrk_weak", 60_000, facts);
    expect(await ill()).toEqual([
      {
        ...{ check: "sandbox", ok: false, detail: "The sandbox level is degraded" },
        next_step: expect.stringContaining("bubblewrap"),
      },
    ]);
  });

  it("says which process does not have the store's master key", async () => {
    const problem = "its key is not the store's any more: give it the new one and start it again";
    const facts = {
      processId: "api_1",
      host: "there",
      role: "api",
      startsWith: "a",
      seals: "a",
      knows: ["a"],
      problem,
    };
    await showKeyHolder(bench.deps.redis, facts, 60_000);
    expect(await ill()).toEqual([
      {
        ...{ check: "master key", ok: false, detail: `api on there: ${problem}` },
        next_step: expect.stringContaining("SWITCHYARD_MASTER_KEY"),
      },
    ]);
  });

  it("says what to do when a pack that comes with the runner cannot be used", async () => {
    await bench.store.write(() => upsertType(lampType({ isShipped: true, status: "invalid" })));
    expect(await ill()).toEqual([
      {
        ...{ check: "packs", ok: false, detail: "acme.lamp is invalid" },
        next_step: expect.stringContaining("validate"),
      },
    ]);
  });

  it("says by name how an instance in error is tested again", async () => {
    const lastError = { code: "auth_failed", detail: "The login was refused.", at: 1 } as never;
    await seedLamp(bench.store, { instance: { name: "desk", state: "error", lastError } });
    expect(await ill()).toContainEqual({
      ...{ check: "instance desk", ok: false, detail: expect.stringContaining("auth_failed") },
      next_step: expect.stringContaining("npx switchyard test desk"),
    });
  });

  it("names an instance whose writes wait for a test", async () => {
    await seedLamp(bench.store, { instance: { name: "desk", state: "needs_review" } });
    expect(await ill()).toEqual([
      {
        ...{ check: "instance desk", ok: false, next_step: "Test it: npx switchyard test desk" },
        detail: "Its state is needs_review: its writes are refused until it is tested",
      },
    ]);
  });

  it.each([
    [true, "was removed"],
    [false, "is not there any more"],
  ])(
    "names the type of an instance that has none (removed: %s), and how it is installed again",
    async (isRemoved, cause) => {
      await seedLamp(bench.store, { instance: { name: "desk" } });
      await bench.store.write(() => removeType({ id: "acme.lamp", now: 2, isRemoved }));
      expect(await ill()).toEqual([
        {
          ...{ check: "instance desk", ok: false, detail: `Its type acme.lamp ${cause}` },
          next_step: expect.stringMatching(/^Install acme\.lamp again: npx switchyard install /),
        },
      ]);
    },
  );

  it("says what to do when the store is away, and falls over nowhere; whoever asks by the API is told so as well", async () => {
    const { store, end } = await openTestStore();
    await end();
    const principal = { tokenId: "tok_1", name: "ada", role: "admin", instances: null } as never;
    const { ok, checks } = await examine({ ...bench.deps, store } as unknown as Api, principal);
    expect(ok).toBe(false);
    expect(checks).toContainEqual({
      ...{ check: "store", ok: false, detail: "The store does not answer" },
      next_step: expect.stringMatching(/disk.*DATABASE_URL/),
    });
  });
});
