/** The private Redis of a data folder, and connections to it: never two servers, taken over, ended. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { bullConnection, connectRedis, isUp, onReady, type Redis, untilReady } from "../../src/redis.ts";
import { type PrivateRedis, startRedis } from "../../src/roles/private-redis.ts";
import { hasRedis } from "../kit/redis.ts";

/** What ended but was not collected by the machine's first process still has its number. */
const isCorpse = (pid: number): boolean =>
  process.platform === "linux" && readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isCorpse(pid);
  } catch {
    return false;
  }
};

describe.skipIf(!hasRedis)("the private Redis", () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
  });

  const newFolder = async (): Promise<string> => {
    const dir = await mkdtemp(join(tmpdir(), "sw-private-"));
    cleanups.push(() => rm(dir, { recursive: true, force: true }));
    return dir;
  };
  const start = async (dir: string): Promise<PrivateRedis> => {
    const redis = await startRedis({ dir, log: silentLog });
    cleanups.push(() => redis.stop());
    return redis;
  };
  const connect = async (url: string, role: "producer" | "consumer" = "producer"): Promise<Redis> => {
    const redis = connectRedis(url, { role, name: "test" });
    cleanups.push(() => redis.disconnect());
    await untilReady(redis, 5000);
    return redis;
  };

  test("listens on a socket only, syncs every write, evicts nothing, and writes no snapshots", async () => {
    const dir = join(await newFolder(), "redis");
    const { url } = await start(dir);
    const redis = await connect(url);
    const setting = async (name: string): Promise<unknown> => ((await redis.config("GET", name)) as string[])[1];
    expect(await setting("port")).toBe("0");
    expect(await setting("appendonly")).toBe("yes");
    expect(await setting("appendfsync")).toBe("always");
    expect(await setting("maxmemory-policy")).toBe("noeviction");
    expect(await setting("save")).toBe("");
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    expect((await stat(url)).mode & 0o77).toBe(0);
  });

  test("is one, however many ask for it at once", async () => {
    const dir = await newFolder();
    const all = await Promise.all(Array.from({ length: 4 }, () => start(dir)));
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(1);
  });

  test("ends when it is stopped, keeps what it was told, and can be stopped twice", async () => {
    const dir = await newFolder();
    const first = await start(dir);
    await (await connect(first.url)).set("kept", "yes");
    await first.stop();
    await first.ended;
    expect(isAlive(first.pid)).toBe(false);
    await first.stop();
    const second = await start(dir);
    expect(second.pid).not.toBe(first.pid);
    expect(await (await connect(second.url)).get("kept")).toBe("yes");
  });

  test("says when it ended without being asked, and starts again on its data", async () => {
    const dir = await newFolder();
    const first = await start(dir);
    await (await connect(first.url)).set("kept", "yes");
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    const second = await start(dir);
    expect(await (await connect(second.url)).get("kept")).toBe("yes");
  });

  test("ends in order with the process that started it, where the kernel can be asked for that; else it is taken over", async () => {
    const dir = await newFolder();
    const script = join(dir, "starter.ts");
    const here = (name: string): string => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
    await writeFile(
      script,
      `import { startRedis } from ${here("roles/private-redis.ts")};
import { silentLog } from ${here("log.ts")};
const { pid, url } = await startRedis({ dir: ${JSON.stringify(join(dir, "redis"))}, log: silentLog });
console.log(pid, url);
setInterval(() => undefined, 1000);`,
    );
    const starter: ChildProcess = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    cleanups.push(() => starter.kill("SIGKILL"));
    const [line] = await once(starter.stdout!, "data");
    const [pid = 0, url = ""] = String(line).trim().split(" ");
    await (await connect(String(url))).set("kept", "yes");
    starter.kill("SIGKILL");
    await once(starter, "exit");
    const canBeAsked = spawnSync("setpriv", ["--pdeathsig", "TERM", "true"]).status === 0;
    if (canBeAsked) await vi.waitFor(() => expect(isAlive(Number(pid))).toBe(false), { timeout: 10_000 });
    const taken = await start(join(dir, "redis"));
    if (!canBeAsked) expect(taken.pid).toBe(Number(pid));
    expect(await (await connect(taken.url)).get("kept")).toBe("yes");
    await taken.stop();
    expect([Number(pid), taken.pid].filter(isAlive)).toEqual([]);
  });

  test("is waited for while it does not answer: no second one is started beside it", async () => {
    const dir = await newFolder();
    const first = await start(dir);
    process.kill(first.pid, "SIGSTOP");
    cleanups.push(() => isAlive(first.pid) && process.kill(first.pid, "SIGCONT"));
    const second = start(dir);
    await vi.waitFor(async () => expect(Number(await readFile(join(dir, "start.lock"), "utf8"))).toBe(process.pid));
    process.kill(first.pid, "SIGCONT");
    expect((await second).pid).toBe(first.pid);
  });

  test("starts although a killed start left its lock and its socket behind", async () => {
    const dir = await newFolder();
    const gone = spawn(process.execPath, ["-e", ""]);
    await once(gone, "exit");
    await writeFile(join(dir, "start.lock"), String(gone.pid));
    await writeFile(join(dir, "redis.pid"), String(gone.pid));
    await writeFile(join(dir, "redis.sock"), "");
    const { url } = await start(dir);
    expect(await (await connect(url)).ping()).toBe("PONG");
  });

  test("is not mistaken for another process that has its old number", async () => {
    const dir = await newFolder();
    await writeFile(join(dir, "redis.pid"), String(process.pid));
    const { pid } = await start(dir);
    expect(pid).not.toBe(process.pid);
  });

  test("listens in a private folder elsewhere when the data folder lies too deep, and is found there again", async () => {
    const dir = join(await newFolder(), "d".repeat(60), "e".repeat(60));
    const { url, pid } = await start(dir);
    cleanups.push(() => rm(dirname(url), { recursive: true, force: true }));
    expect(Buffer.byteLength(url)).toBeLessThanOrEqual(107);
    expect((await stat(dirname(url))).mode & 0o777).toBe(0o700);
    expect(await start(dir)).toMatchObject({ url, pid });
  });

  test("says why it cannot start", async () => {
    const dir = await newFolder();
    const first = await start(dir);
    await first.stop();
    const manifest = join(dir, "appendonlydir", "appendonly.aof.manifest");
    await writeFile(manifest, "nonsense\n");
    await expect(start(dir)).rejects.toMatchObject({ code: "queue_unavailable", message: /ended at once/ });
  });

  describe("connections", () => {
    test("take a path, a unix:// address and a producer's or consumer's temper", async () => {
      const { url } = await start(await newFolder());
      expect(await (await connect(`unix://${url}`)).ping()).toBe("PONG");
      expect((await connect(url, "consumer")).options.maxRetriesPerRequest).toBeNull();
      const bull = bullConnection(url);
      cleanups.push(() => bull.disconnect());
      expect(bull.options.maxRetriesPerRequest).toBeNull();
    });

    test("of a producer fail at once while Redis is away; of a consumer wait until it is back", async () => {
      const dir = await newFolder();
      const server = await start(dir);
      const producer = await connect(server.url, "producer");
      const consumer = await connect(server.url, "consumer");
      let readies = 0;
      onReady(producer, () => {
        readies += 1;
      });
      expect(readies).toBe(1);
      await server.stop();
      await vi.waitFor(() => expect([isUp(producer), isUp(consumer)]).toEqual([false, false]));
      await expect(producer.set("a", "1")).rejects.toThrow();
      const waiting = consumer.set("a", "2");
      await start(dir);
      expect(await waiting).toBe("OK");
      await untilReady(producer, 5000);
      expect(await producer.get("a")).toBe("2");
      expect(readies).toBe(2);
    });

    test("give up waiting with a sentence that says what to do", async () => {
      const redis = connectRedis(join(await newFolder(), "nothing"), { role: "producer" });
      cleanups.push(() => redis.disconnect());
      await expect(untilReady(redis, 50)).rejects.toMatchObject({ code: "queue_unavailable", message: /REDIS_URL/ });
    });
  });
});
