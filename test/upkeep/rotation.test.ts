/** The master key is exchanged under everybody's hands: nothing is unreadable at any moment, and the old key ends. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { isUp } from "../../src/redis.ts";
import { insertInstance, sealedSecrets, updateInstance } from "../../src/store/instances.ts";
import { findJob, insertJob } from "../../src/store/jobs.ts";
import { endRotation, lastAdmission, readRotation } from "../../src/store/rotation.ts";
import { checkMasterKey } from "../../src/store/vault-check.ts";
import { type KeyWatch, watchKey } from "../../src/upkeep/key-watch.ts";
import { rotateKey } from "../../src/upkeep/rotate-key.ts";
import { createKeyring, type Keyring } from "../../src/vault/keyring.ts";
import { keyIdOf } from "../../src/vault/sealed.ts";
import { everything } from "../kit/copies.ts";
import { describeStores, newInstance, newJob } from "../kit/stores.ts";
import { type UsedRedis, useRedis } from "../kit/use-redis.ts";

interface Process {
  readonly ring: Keyring;
  readonly watch: KeyWatch;
  readonly file: string;
}

let used: UsedRedis;
const { closing } = useRedis((given) => {
  used = given;
});

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sw-rotate-"));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

describeStores("an exchange of the master key", (bench) => {
  const old = randomBytes(32);
  // On a busy machine a value that was read or sealed may be on its way for some tenths of a second.
  const pace = { patienceMs: 1_500, lateMs: 500 };

  /** What one process of ours does with its key; its file lies in a folder of its own. */
  const startProcess = async (
    name: string,
    given: { key?: Buffer; isSet?: boolean; everyMs?: number } = {},
  ): Promise<Process> => {
    const key = given.key ?? old;
    const file = join(folder, `${name}.key`);
    writeFileSync(file, key.toString("base64"), { mode: 0o600 });
    const ring = createKeyring(key);
    await checkMasterKey(bench.store, ring).catch(() => undefined);
    const watch = watchKey({
      store: bench.store,
      redis: used.redis,
      ring,
      place: given.isSet ? { value: key } : { file },
      processId: name,
      host: "here",
      role: "worker",
      log: silentLog,
      everyMs: given.everyMs ?? 50,
      shownForMs: 60_000,
    });
    closing.push(() => watch.stop());
    await watch.look();
    return { ring, watch, file };
  };
  const rotate = ({ ring, watch }: Process, signal = new AbortController().signal, late = pace) =>
    rotateKey({
      store: bench.store,
      redis: used.redis,
      ring,
      look: watch.look,
      say: () => undefined,
      signal,
      pace: late,
    });
  const keyIn = (file: string): Buffer => Buffer.from(readFileSync(file, "utf8").trim(), "base64");
  const wholeStore = async (): Promise<string> => JSON.stringify(await everything(bench.url));

  const addInstance = async (ring: Keyring, name: string): Promise<string> => {
    const instance = newInstance({ name });
    const sealed = ring.seal({ scope: instance.id, field: "token", version: 1, value: `of ${name}` });
    const secret = { instanceId: instance.id, name: "token", version: 1, sealed };
    await bench.store.write(() => insertInstance(instance, [secret]));
    return instance.id;
  };
  const addJob = async (ring: Keyring): Promise<string> => {
    const job = newJob();
    const sealed = ring.seal({ scope: job.id, field: "pin", version: 1, value: "1234 5678" });
    await bench.store.write(() => insertJob({ ...job, sealedInput: JSON.stringify({ pin: sealed }) }));
    return job.id;
  };
  const readSecret = async (ring: Keyring, id: string): Promise<string> => {
    const [secret] = await bench.store.read(() => sealedSecrets(id));
    return ring.open(secret!.sealed, { scope: id, field: "token", version: secret!.version });
  };

  it("reaches every process and its file, every secret and every job, and nothing names the old key any more", async () => {
    const [one, two] = [await startProcess("one"), await startProcess("two")];
    const ids = await Promise.all(["a", "b", "c"].map((name) => addInstance(one.ring, name)));
    const job = await addJob(two.ring);
    // A repetition of that job holds what was sealed for it.
    const again = newJob();
    const { sealedInput } = (await bench.store.read(() => findJob(job)))!;
    const inherited = JSON.stringify({ "@scope": job, ...JSON.parse(sealedInput ?? "{}") });
    await bench.store.write(() => insertJob({ ...again, sealedInput: inherited }));

    const done = await rotate(one);
    expect(done).toMatchObject({ from: keyIdOf(old), resealed: 5, processes: 2 });
    expect(await wholeStore()).not.toContain(done.from);
    for (const { file, ring } of [one, two]) {
      expect(keyIdOf(keyIn(file))).toBe(done.to);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(ring.known).toEqual([done.to]);
    }
    // A process that starts with the new key alone opens everything.
    const fresh = createKeyring(keyIn(one.file));
    await checkMasterKey(bench.store, fresh);
    for (const [at, name] of ["a", "b", "c"].entries()) expect(await readSecret(fresh, ids[at]!)).toBe(`of ${name}`);
    const { pin } = JSON.parse((await bench.store.read(() => findJob(again.id)))!.sealedInput!);
    expect(fresh.open(pin, { scope: job, field: "pin", version: 1 })).toBe("1234 5678");
    // The old one opens nothing.
    await expect(checkMasterKey(bench.store, createKeyring(old))).rejects.toMatchObject({ code: "secret_unreadable" });
  });

  it("is not over while anything is under the old key, however it came there", async () => {
    const { ring } = await startProcess("one");
    const end = (after: number) =>
      bench.store.write(() => endRotation({ from: keyIdOf(old), mark: ring.mark(), after }));
    expect(await end(0)).toBe(true);
    const job = await addJob(ring);
    const { admission } = (await bench.store.read(() => findJob(job)))!;
    expect(await end(admission - 1)).toBe(false);
    expect(await end(admission)).toBe(true);
    await addInstance(ring, "a");
    expect(await end(admission)).toBe(false);
  });

  it("is not held up by a parameter whose name looks like a sealed value", async () => {
    const one = await startProcess("one");
    const { id, ...job } = newJob();
    const field = `sw1.${keyIdOf(old)}.x`;
    const sealed = one.ring.seal({ scope: id, field, version: 1, value: "1234 5678" });
    await bench.store.write(() => insertJob({ ...job, id, sealedInput: JSON.stringify({ [field]: sealed }) }));
    expect(await rotate(one)).toMatchObject({ resealed: 1 });
  });

  it("does not end before the slowest process seals with the new key", async () => {
    const one = await startProcess("one");
    const slow = await startProcess("slow", { everyMs: 1_000_000 });
    const id = await addInstance(one.ring, "a");
    const done = rotate(one, new AbortController().signal, { patienceMs: 10_000, lateMs: 0 });
    const phase = async (): Promise<string> => (await bench.store.read(readRotation)) ?? "none";
    await vi.waitFor(async () => expect(await phase()).toContain('"spread"'));
    await slow.watch.look();
    await vi.waitFor(async () => expect(await phase()).toContain('"reseal"'));
    await vi.waitFor(() => expect(one.ring.keyId).not.toBe(keyIdOf(old)));
    expect(slow.ring.keyId).toBe(keyIdOf(old));
    const late = await addInstance(slow.ring, "late");
    for (let round = 0; round < 20; round += 1) {
      await one.watch.look();
      expect(await phase()).toContain('"reseal"');
    }
    await slow.watch.look();
    // It says that it has forgotten the old key when it looks once more.
    await vi.waitFor(async () => expect(await phase()).toBe("none"));
    await slow.watch.look();
    const { from } = await done;
    expect(await wholeStore()).not.toContain(from);
    for (const [instance, value] of [
      [id, "of a"],
      [late, "of late"],
    ] as const) {
      expect(await readSecret(slow.ring, instance)).toBe(value);
    }
  });

  it("leaves whoever read a value just before it was sealed anew the time to open it", async () => {
    const one = await startProcess("one");
    const early = await addInstance(one.ring, "early");
    const instance = newInstance({ name: "late" });
    const place = { scope: instance.id, field: "token", version: 1 };
    const sealed = one.ring.seal({ ...place, value: "of late" });
    const underOld = async (id: string): Promise<boolean> =>
      (await bench.store.read(() => sealedSecrets(id)))[0]?.sealed.includes(keyIdOf(old)) ?? false;
    const lateMs = 700;
    const done = rotate(one, new AbortController().signal, { patienceMs: 10_000, lateMs });
    const patiently = { timeout: 10_000, interval: 5 };
    await vi.waitFor(async () => expect(await underOld(early)).toBe(false), patiently);
    // The first pass has met all that there was: this comes after it, and is met by the second one.
    const secret = { instanceId: instance.id, name: "token", version: 1, sealed };
    await bench.store.write(() => insertInstance(instance, [secret]));
    await vi.waitFor(async () => expect(await underOld(instance.id)).toBe(false), patiently);
    const resealedAt = performance.now();
    expect(one.ring.open(sealed, place)).toBe("of late");
    await vi.waitFor(() => expect(one.ring.known).not.toContain(keyIdOf(old)), patiently);
    expect(performance.now() - resealedAt).toBeGreaterThan(lateMs / 2);
    await done;
    expect(await readSecret(one.ring, instance.id)).toBe("of late");
  });

  it("loses nothing while both processes seal, change and open without a pause", async () => {
    const processes = [await startProcess("one"), await startProcess("two")];
    const opened: string[] = [];
    let isOver = false;
    const load = processes.map(async ({ ring }, at) => {
      for (let round = 0; !isOver; round += 1) {
        const name = `${at}-${round}`;
        const id = await addInstance(ring, name);
        await addJob(ring);
        opened.push(await readSecret(processes[1 - at]!.ring, id));
        const next = (version: number) => ring.seal({ scope: id, field: "token", version, value: `new ${name}` });
        await bench.store.write(() => updateInstance({ id, secrets: { token: next }, now: 2_000 }));
        opened.push(await readSecret(processes[1 - at]!.ring, id));
      }
    });
    const first = await rotate(processes[0]!);
    const second = await rotate(processes[1]!);
    isOver = true;
    await Promise.all(load);
    expect(second.from).toBe(first.to);
    const text = await wholeStore();
    expect(text).not.toContain(first.from);
    expect(text).not.toContain(second.from);
    expect(opened.length).toBeGreaterThan(10);
    expect(opened.every((value) => /^(of|new) \d-\d+$/.test(value))).toBe(true);
    expect(await bench.store.read(lastAdmission)).toBeGreaterThan(0);
  });

  it("is gone on with after a crash at any step, by any process", async () => {
    const [one, two] = [await startProcess("one"), await startProcess("two")];
    const id = await addInstance(one.ring, "a");
    const looks = { count: 0 };
    // The last one dies once all is sealed anew, before it was said that this is so.
    for (const dies of [1, 2, 3, 1_000]) {
      const dying = new AbortController();
      looks.count = 0;
      const look = async (): Promise<void> => {
        looks.count += 1;
        if (looks.count >= dies) dying.abort();
        await one.watch.look();
      };
      await rotate(
        { ...one, watch: { ...one.watch, look } },
        AbortSignal.any([dying.signal, AbortSignal.timeout(1_000)]),
        { ...pace, lateMs: 60_000 },
      ).catch(() => undefined);
      // Whoever starts in the midst of it with either key finds its way.
      for (const key of [old, keyIn(two.file)]) {
        const started = await startProcess(`late-${dies}-${keyIdOf(key)}`, { key });
        expect(await readSecret(started.ring, id)).toBe("of a");
        await started.watch.stop();
      }
    }
    const done = await rotate(two);
    expect(done.from).toBe(keyIdOf(old));
    expect(await wholeStore()).not.toContain(done.from);
    expect(await readSecret(createKeyring(keyIn(one.file)), id)).toBe("of a");
  });

  it("goes on after Redis was away while processes were waited for, and says so when it stays away", async () => {
    const [one, two] = [await startProcess("one"), await startProcess("two", { everyMs: 60_000 })];
    const id = await addInstance(one.ring, "a");
    const running = rotate(one, undefined, { patienceMs: 20_000, lateMs: 50 });
    await vi.waitFor(async () => expect(await bench.store.read(readRotation)).toBeDefined());
    used.redis.disconnect();
    await vi.waitFor(() => expect(isUp(used.redis)).toBe(false));
    await expect(two.watch.look()).rejects.toThrow();
    await expect(rotate(one)).rejects.toMatchObject({ code: "queue_unavailable" });
    await used.redis.connect();
    const turning = setInterval(() => void two.watch.look().catch(() => undefined), 50);
    closing.push(() => clearInterval(turning));
    const { from } = await running;
    expect(from).toBe(keyIdOf(old));
    expect(await readSecret(one.ring, id)).toBe("of a");
    expect(await wholeStore()).not.toContain(from);
  });

  it("waits for a process whose key is set from outside, names it, and ends once that one has the new key", async () => {
    const [one, set] = [await startProcess("one"), await startProcess("set", { isSet: true })];
    const id = await addInstance(one.ring, "a");
    await expect(rotate(one)).rejects.toMatchObject({
      code: "rotation_incomplete",
      message: expect.stringMatching(/SWITCHYARD_MASTER_KEY_PREVIOUS/),
    });
    // Meanwhile everybody opens and seals.
    expect(await readSecret(set.ring, await addInstance(one.ring, "b"))).toBe("of b");
    expect(await bench.store.read(readRotation)).toBeDefined();
    await set.watch.stop();
    await startProcess("set", { key: keyIn(one.file), isSet: true });
    const done = await rotate(one);
    expect(await wholeStore()).not.toContain(done.from);
    expect(await readSecret(one.ring, id)).toBe("of a");
  });
});
