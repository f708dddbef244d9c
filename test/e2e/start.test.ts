/** Starts that are refused, in one line each, and what a good start leaves on disk and in the process table. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createBelongings, type Started, untilListening } from "../kit/process.ts";
import { startTestRedis } from "../kit/redis.ts";
import { descendants, until } from "../kit/system.ts";

const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

const settingExitCode = 78;
const linesOf = (started: Started): string[] => started.output().trim().split("\n");
/** A zombie that nobody asks for has ended all the same. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
const redisPid = (dataDir: string): number => Number(readFileSync(join(dataDir, "redis/redis.pid"), "utf8"));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** One line that names the setting, what was expected and what was found. */
const expectRefused = async (started: Started, setting: string): Promise<string> => {
  const code = await started.ended();
  const lines = linesOf(started);
  expect(lines, started.output()).toHaveLength(1);
  expect(lines[0]).toContain(setting);
  expect(lines[0]).toMatch(/expected .+ found /);
  expect(code).toBe(settingExitCode);
  return lines[0] ?? "";
};

const startReady = async (dataDir: string, env: Record<string, string> = {}) => {
  const started = own.start({ SWITCHYARD_DATA: dataDir, ...env });
  const url = await untilListening(started, dataDir);
  await until(async () => ((await fetch(`${url}/readyz`).catch(() => null))?.ok ? true : undefined), "readiness");
  return { started, url };
};

describe("a wrong setting", () => {
  it.each([
    ["SWITCHYARD_ROLE", "boss"],
    ["SWITCHYARD_PORT", "http"],
    ["SWITCHYARD_PORT", "65536"],
    ["SWITCHYARD_PORT", "-1"],
    ["SWITCHYARD_HOST", "http://0.0.0.0"],
    ["SWITCHYARD_CONCURRENCY", "0"],
    ["SWITCHYARD_CONCURRENCY", "1e2"],
    ["SWITCHYARD_WORKERS", "0"],
    ["SWITCHYARD_WORKERS", "65"],
    ["SWITCHYARD_RETENTION_DAYS", "0.5"],
    ["SWITCHYARD_MIN_SANDBOX", "none"],
    ["SWITCHYARD_PACK_SIGNATURES", "maybe"],
    ["SWITCHYARD_PACK_SIGNATURES", "require"],
    ["SWITCHYARD_LOG", "loud"],
    ["SWITCHYARD_PACKS_DIR", "/nowhere/at/all"],
    ["SWITCHYARD_DROPINS_DIR", "/nowhere/at/all"],
    ["SWITCHYARD_CORS_ORIGINS", "https://console.example, console.example"],
    ["SWITCHYARD_CORS_ORIGINS", "https://console.example/path"],
    ["SWITCHYARD_ADMIN_TOKEN", "two words"],
    ["SWITCHYARD_MASTER_KEY", "short"],
    ["SWITCHYARD_MASTER_KEY_FILE", "/nowhere/key", "SWITCHYARD_MASTER_KEY_FILE", "does not exist"],
    ["SWITCHYARD_OTLP_URL", "collector:4318"],
    ["REDIS_URL", "localhost:6379"],
    ["REDIS_URL", "redis://host:port:1"],
    ["DATABASE_URL", "mysql://localhost/db"],
    ["DATABASE_URL", "postgres://"],
    ["SWITCHYARD_DATA", "/dev/null/folder"],
    ["SWITCHYARD_DATA", "/proc/nope/data"],
    ["npm_config_lab", "true", "npm start -- --lab"],
    ["SWITCHYARD_ROLE", "worker", "REDIS_URL"],
    ["SWITCHYARD_ROLE", "api", "REDIS_URL"],
  ])("stops the start and is named: %s=%s", async (name, value, setting = name, said = "") => {
    const started = own.start({ SWITCHYARD_DATA: own.folder(), [name]: value });
    if (said === "") {
      await expectRefused(started, setting);
      return;
    }
    expect(await started.ended()).toBe(settingExitCode);
    expect(linesOf(started)).toEqual([expect.stringContaining(setting)]);
    expect(started.output()).toContain(said);
  });

  it.each([
    ["an unknown name", "prot: 80\n", '"prot"'],
    ["a value of the wrong kind", "port: { number: 80 }\n", "SWITCHYARD_PORT"],
    ["a wrong value", "port: eighty\n", "SWITCHYARD_PORT"],
    ["a list", "- port\n", "switchyard.yaml"],
    ["broken YAML", "port: [80\nhost: {", "switchyard.yaml"],
    ["a name twice", "port: 80\nport: 81\n", "switchyard.yaml"],
  ])("in switchyard.yaml stops the start: %s", async (_, text, setting) => {
    const folder = own.folder();
    writeFileSync(join(folder, "switchyard.yaml"), text);
    const started = own.start({ SWITCHYARD_DATA: own.folder(), SWITCHYARD_PORT: "" }, folder);
    await expectRefused(started, setting);
  });

  it("never prints the secret that it found wrong", async () => {
    const started = own.start({ SWITCHYARD_DATA: own.folder(), SWITCHYARD_ADMIN_TOKEN: "my secret words" });
    await started.ended();
    expect(started.output()).not.toContain("secret words");
    const redis = own.start({ SWITCHYARD_DATA: own.folder(), REDIS_URL: "http://user:hunter2@host:1" });
    expect(await expectRefused(redis, "REDIS_URL")).not.toContain("hunter2");
  });
});

describe("what cannot be had", () => {
  it("an address of another machine is one line", async () => {
    const started = own.start({ SWITCHYARD_DATA: own.folder(), SWITCHYARD_HOST: "192.0.2.1" });
    expect(await expectRefused(started, "SWITCHYARD_HOST")).toContain("EADDRNOTAVAIL");
  });

  it("a database that does not answer is one line", async () => {
    const dataDir = own.folder();
    const started = own.start({ SWITCHYARD_DATA: dataDir, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });
    expect(await started.ended()).toBe(1);
    expect(linesOf(started)).toEqual([expect.stringMatching(/DATABASE_URL/)]);
  });

  it("a Redis that does not answer is one line", async () => {
    const started = own.start({ SWITCHYARD_DATA: own.folder(), REDIS_URL: "redis://127.0.0.1:1" });
    expect(await started.ended()).toBe(1);
    expect(linesOf(started)).toEqual([expect.stringMatching(/REDIS_URL/)]);
  });
});

describe("the data folder", () => {
  it("is for one start at a time; after a SIGKILL nothing of it stays, its Redis neither, and the next one has it", async () => {
    const dataDir = own.folder();
    const first = await startReady(dataDir);
    const below = descendants(first.started.pid).map(({ pid }) => pid);
    const redis = redisPid(dataDir);
    const second = own.start({ SWITCHYARD_DATA: dataDir });
    expect(await second.ended()).toBe(settingExitCode);
    expect(linesOf(second)).toEqual([expect.stringContaining(`in use by process ${first.started.pid}`)]);
    first.started.child.kill("SIGKILL");
    await first.started.ended();
    const third = await startReady(dataDir);
    await until(
      () => (below.some((pid) => isAlive(pid) && redisPid(dataDir) !== pid) ? undefined : true),
      "the API, the worker, its sandboxes and Redis to end with their supervisor",
      10_000,
    );
    const taken = redisPid(dataDir);
    expect(await third.started.stop()).toBe(0);
    expect([redis, taken].filter(isAlive)).toEqual([]);
  }, 60_000);

  it("has no process that works in it once its supervisor was killed", async () => {
    const dataDir = own.folder();
    const { started } = await startReady(dataDir);
    const below = [...descendants(started.pid).map(({ pid }) => pid), redisPid(dataDir)];
    started.child.kill("SIGKILL");
    await started.ended();
    await until(() => (below.some(isAlive) ? undefined : true), "everything to end with its supervisor", 10_000);
    expect(existsSync(join(dataDir, "redis/redis.sock"))).toBe(false);
  }, 60_000);

  it("is read by its owner alone, and the processes bear their names", async () => {
    const dataDir = join(own.folder(), "new", "data");
    const { started, url } = await startReady(dataDir);
    expect(url).toBe(readFileSync(join(dataDir, "url"), "utf8").trim());
    expect(started.output()).toContain(`Switchyard listens on ${url}`);
    expect(started.output()).toContain(join(dataDir, "admin.token"));
    const modes = Object.fromEntries(readdirSync(dataDir).map((name) => [name, modeOf(join(dataDir, name))]));
    expect(modeOf(dataDir)).toBe("700");
    expect(modes).toMatchObject({
      ...{ "admin.token": "600", "master.key": "600", "switchyard.db": "600", "switchyard.lock": "600" },
      ...{ redis: "700", uploads: "700" },
    });
    for (const name of ["switchyard.db-wal", "switchyard.db-shm"]) expect(modes[name]).toBe("600");
    const titles = descendants(started.pid).map(({ title }) => title);
    expect(titles).toEqual(expect.arrayContaining(["switchyard-api", "switchyard-worker"]));
    expect(readFileSync(`/proc/${started.pid}/cmdline`, "utf8").replaceAll("\0", "")).toBe("switchyard");
  }, 40_000);

  it("tells which setting it comes from when it cannot be written", async () => {
    const folder = own.folder();
    writeFileSync(join(folder, "file"), "");
    await expectRefused(own.start({ SWITCHYARD_DATA: join(folder, "file") }), "SWITCHYARD_DATA");
  });
});

describe("what a killed worker leaves in the temporary folder", () => {
  it("is removed by the next start, and what belongs to the living stays", async () => {
    const tmp = own.folder();
    const foldersOf = (): string[] => readdirSync(tmp).filter((name) => name.startsWith("switchyard-sandbox-"));
    const first = await startReady(own.folder(), { TMPDIR: tmp });
    const living = foldersOf();
    expect(living).toHaveLength(1);
    const dataDir = own.folder();
    const second = await startReady(dataDir, { TMPDIR: tmp });
    expect(foldersOf()).toEqual(expect.arrayContaining(living));
    const [left] = foldersOf().filter((name) => !living.includes(name));
    const worker = descendants(second.started.pid).find(({ title }) => title.startsWith("switchyard-worker"));
    process.kill(worker?.pid ?? 0, "SIGKILL");
    await until(() => (foldersOf().includes(left ?? "") ? undefined : true), "the leftover to go");
    await until(() => (foldersOf().length === 2 ? true : undefined), "the new worker's own folder");
    expect(foldersOf()).toEqual(expect.arrayContaining(living));
    expect(await second.started.stop()).toBe(0);
    expect(await first.started.stop()).toBe(0);
    expect(foldersOf()).toEqual([]);
  }, 60_000);
});

describe("the master key", () => {
  it("is refused when it is another one or lost, and never made anew for sealed secrets", async () => {
    const dataDir = own.folder();
    const file = join(dataDir, "master.key");
    const first = await startReady(dataDir);
    await first.started.stop();
    const key = readFileSync(file);

    writeFileSync(file, randomBytes(32).toString("hex"));
    const wrong = own.start({ SWITCHYARD_DATA: dataDir });
    expect(await wrong.ended()).toBe(settingExitCode);
    expect(linesOf(wrong)).toEqual([expect.stringContaining("is not the one that sealed")]);

    rmSync(file);
    const lost = own.start({ SWITCHYARD_DATA: dataDir });
    expect(await lost.ended()).toBe(settingExitCode);
    expect(linesOf(lost)).toEqual([expect.stringContaining(`${file} does not exist`)]);
    expect(existsSync(file)).toBe(false);

    const other = own.start({ SWITCHYARD_DATA: dataDir, SWITCHYARD_MASTER_KEY: randomBytes(32).toString("base64") });
    expect(await other.ended()).toBe(settingExitCode);
    expect(linesOf(other)).toEqual([expect.stringContaining("SWITCHYARD_MASTER_KEY")]);

    const again = await startReady(dataDir, { SWITCHYARD_MASTER_KEY: key.toString().trim() });
    expect(await again.started.stop()).toBe(0);
  }, 60_000);
});

describe("the end", () => {
  it("on SIGTERM comes in a few seconds, with exit code 0 and without a process left, also when everybody hears it", async () => {
    const dataDir = own.folder();
    const { started } = await startReady(dataDir);
    const below = descendants(started.pid).map(({ pid }) => pid);
    expect(below.length).toBeGreaterThanOrEqual(3);
    const begun = performance.now();
    // As a service manager does: the whole group at once, and whoever passes signals on does it again.
    for (const { pid, title } of descendants(started.pid)) {
      if (/^switchyard-(api|worker)/.test(title)) process.kill(pid, "SIGTERM");
    }
    started.child.kill("SIGTERM");
    started.child.kill("SIGTERM");
    expect(await started.ended()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(below.filter(isAlive)).toEqual([]);
    expect(existsSync(join(dataDir, "url"))).toBe(false);
    expect(existsSync(join(dataDir, "switchyard.lock"))).toBe(false);
  }, 40_000);
});

describe("switchyard.yaml", () => {
  it("sets what the environment does not", async () => {
    const folder = own.folder();
    mkdirSync(join(folder, "packs"));
    const text =
      "data: ./from-file\nSWITCHYARD_WORKERS: 2\nlog: warn\npacks_dir: ./packs\ncors_origins: [https://a.example, https://b.example]\nretention_days:\n";
    writeFileSync(join(folder, "switchyard.yaml"), text);
    const started = own.start({ SWITCHYARD_WORKERS: "1", SWITCHYARD_PORT: "0" }, folder);
    const url = await untilListening(started, join(folder, "from-file"));
    const allowed = await fetch(`${url}/healthz`, { headers: { origin: "https://b.example" } });
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://b.example");
    const workers = descendants(started.pid).filter(({ title }) => title.startsWith("switchyard-worker"));
    expect(workers).toHaveLength(1);
  }, 40_000);
});

describe("readiness", () => {
  it("goes while Redis is away and comes back with it; liveness stays", async () => {
    const redis = own.add(await startTestRedis(), (one) => one.stop());
    const { url } = await startReady(own.folder(), { REDIS_URL: redis.url });
    const ready = async () => {
      const response = await fetch(`${url}/readyz`);
      return { status: response.status, body: (await response.json()) as object };
    };
    expect(await ready()).toMatchObject({ status: 200, body: { ready: true, redis: true, store: true, workers: 1 } });
    await redis.kill();
    await until(async () => ((await ready()).status === 503 ? true : undefined), "503");
    expect((await ready()).body).toMatchObject({ ready: false, redis: false, store: true });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await redis.restart();
    await until(async () => ((await ready()).status === 200 ? true : undefined), "readiness");
  }, 60_000);
});
