/** A start on a port that somebody else has: one line says so, and of a whole system nothing was made yet. */
import { readdirSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { createBelongings } from "../kit/process.ts";
import { hasRedis, startTestRedis } from "../kit/redis.ts";

const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

const settingExitCode = 78;

const expectRefused = async (settings: Record<string, string>): Promise<void> => {
  const port = await own.server();
  const started = own.start({ ...settings, SWITCHYARD_PORT: String(port) });
  expect(await started.ended()).toBe(settingExitCode);
  const said = `SWITCHYARD_PORT: expected to listen on 127.0.0.1 port ${port}, found it in use by another process`;
  expect(started.output().trim().split("\n")).toEqual([expect.stringContaining(said)]);
};

it("ends the start of a whole system before anything is made", async () => {
  const dataDir = own.folder();
  await expectRefused({ SWITCHYARD_DATA: dataDir });
  expect(readdirSync(dataDir)).toEqual([]);
});

it.skipIf(!hasRedis)("ends the start of an API by itself", async () => {
  const redis = own.add(await startTestRedis(), (it) => it.stop());
  await expectRefused({ SWITCHYARD_DATA: own.folder(), SWITCHYARD_ROLE: "api", REDIS_URL: redis.url });
});
