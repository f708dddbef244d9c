/** Sealed values that reach the store late, while an exchange of the master key ends or after it. */
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { expect, it, vi } from "vitest";
import { insertInstance, sealedSecrets, updateInstance } from "../../src/store/instances.ts";
import { findJob, insertJob } from "../../src/store/jobs.ts";
import { endRotation, replaceRotation } from "../../src/store/rotation.ts";
import type { Query, Unit } from "../../src/store/unit.ts";
import { checkMasterKey } from "../../src/store/vault-check.ts";
import { writeRotation } from "../../src/upkeep/rotation-state.ts";
import { beginRotation, createKeyring } from "../../src/vault/keyring.ts";
import { keyIdOf } from "../../src/vault/sealed.ts";
import { describeStores, newInstance, newJob } from "../kit/stores.ts";

describeStores("a sealed value that comes late", (bench) => {
  const [old, next] = [randomBytes(32), randomBytes(32)];
  const [before, after] = [createKeyring(old), createKeyring(next)];
  const late = newInstance({ name: "late" });
  const place = { scope: late.id, field: "token", version: 1 };
  const secretOf = (ring: typeof before) => ({
    instanceId: late.id,
    name: "token",
    version: 1,
    sealed: ring.seal({ ...place, value: "of late" }),
  });
  const jobOf = (ring: typeof before) => {
    const job = newJob();
    const pin = ring.seal({ scope: job.id, field: "pin", version: 1, value: "1234 5678" });
    return { ...job, sealedInput: JSON.stringify({ pin }) };
  };
  const begin = async (): Promise<void> => {
    await checkMasterKey(bench.store, before);
    await bench.store.write(() => replaceRotation(undefined, writeRotation(beginRotation(old, next))));
  };
  const end = () => bench.store.write(() => endRotation({ from: keyIdOf(old), mark: after.mark(), after: 0 }));
  const refusal = {
    code: "store_unavailable",
    message: expect.stringMatching(/master key was exchanged.*send the request again.*api\/vault/),
  };

  it("is taken under both keys while they are exchanged, and under the new one alone from then on", async () => {
    await begin();
    await bench.store.write(() => insertJob(jobOf(after)));
    await bench.store.write(() => insertInstance(late, [secretOf(after)]));
    expect(await end()).toBe(true);
    const job = jobOf(before);
    await expect(bench.store.write(() => insertJob(job))).rejects.toMatchObject(refusal);
    expect(await bench.store.read(() => findJob(job.id))).toBeUndefined();
    const other = newInstance({ name: "other" });
    const otherSecret = { ...secretOf(before), instanceId: other.id };
    await expect(bench.store.write(() => insertInstance(other, [otherSecret]))).rejects.toMatchObject(refusal);
    const token = (version: number) => before.seal({ ...place, version, value: "changed" });
    const change = { id: late.id, secrets: { token }, now: 2_000 };
    await expect(bench.store.write(() => updateInstance(change))).rejects.toMatchObject(refusal);
    const [kept] = await bench.store.read(() => sealedSecrets(late.id));
    expect(after.open(kept?.sealed ?? "", place)).toBe("of late");
    expect((await bench.store.write(() => insertJob(jobOf(after)))).outcome).toBe("created");
  });

  it("is known by its values, however a pack names its parameters", async () => {
    await begin();
    const job = jobOf(before);
    const sealedInput = JSON.stringify({ "sw1.0123456789abcdef.": JSON.parse(job.sealedInput).pin });
    expect((await bench.store.write(() => insertJob({ ...job, sealedInput }))).outcome).toBe("created");
  });

  if (bench.dialect === "sqlite") return; // It writes one after the other.
  it("is waited for and seen by the end when its writing had begun, and by nobody else", async () => {
    await begin();
    const gate = new Client(bench.url);
    await gate.connect();
    try {
      await gate.query("select pg_advisory_lock(7)");
      const atGate: Query = { on: () => ({ sql: "select pg_advisory_xact_lock(7)", parameters: [] }) };
      function* slowly(): Unit<void> {
        yield* insertInstance(late, [secretOf(before)]);
        yield atGate;
      }
      const waiting = async (): Promise<number> => {
        const asked = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        return (await gate.query(asked)).rowCount ?? 0;
      };
      const writing = bench.store.write(slowly);
      await vi.waitFor(async () => expect(await waiting()).toBe(1));
      expect((await bench.store.write(() => insertJob(jobOf(after)))).outcome).toBe("created");
      const ending = end();
      await vi.waitFor(async () => expect(await waiting()).toBe(2));
      await gate.query("select pg_advisory_unlock(7)");
      await writing;
      expect(await ending).toBe(false);
    } finally {
      await gate.end();
    }
  });
});
