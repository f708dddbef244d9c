/** What a driver in Python gives back, says and keeps, as badly as it can: each job ends, and what is kept can be read. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Caller, callerOf } from "../kit/caller.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { missingPostgres, startTestPostgres, type TestPostgres } from "../kit/postgres.ts";
import { canRunPython } from "../kit/python.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const secret = "correct-horse-battery-17";
const typeId = "acme.outputs";

const driver = `import asyncio, base64, sys, threading, time


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


cycle = {}
cycle["self"] = cycle

ANSWERS = {
    "huge": lambda: "x" * 30_000_000,
    "nan": lambda: {"n": float("nan")},
    "infinity": lambda: {"n": [float("inf")]},
    "deep": lambda: deep(5_000),
    "cycle": lambda: cycle,
    "bytes": lambda: {"b": b"bytes"},
    "set": lambda: {"s": {1, 2}},
    "object": lambda: object(),
    "pairs": lambda: {(1, 2): 3},
    "proto": lambda: {"__proto__": {"polluted": True}},
    "surrogate": lambda: {"half": "\\ud800", "\\udfff": 1, "list": ["a\\ud83d"]},
    "nul": lambda: {"nul": "a\\x00b", "k\\x00": "\\x1b[2J"},
    "big_numbers": lambda: {"n": 2 ** 70, "m": -1e308, "z": -0.0},
    "long_keys": lambda: {"k" * 100_000: 1},
    "words": lambda: "just a word",
    "nothing": lambda: None,
    "wide": lambda: list(range(100_000)),
}


class TestDriver:
    def __init__(self, instance, secrets, transports):
        self.instance = instance
        self.transports = transports

    async def test_connection(self):
        return {"status": "connected", "latency_ms": 1}

    async def inventory_list(self, target_type):
        kind = (await self.echo())["raw"]
        if kind == "slow":
            await asyncio.sleep(600)
        if kind == "wrong":
            return {"not": "a list"}
        ids = {"surrogate": "\\ud800", "nul": "a\\x00b"}
        return [{"type": "vm", "external_id": ids.get(kind, kind), "name": "n", "attrs": {"status": "running", "x": ids.get(kind)}}]

    async def echo(self):
        http = await self.transports.get("http")
        return await http.call({"path": "/echo"})

    async def out_read(self, params):
        how = params["how"]
        if how in ANSWERS:
            return ANSWERS[how]()
        return await getattr(self, how)()

    async def says_badly(self):
        self.instance.progress(float("inf"), "\\ud800\\x00")
        print("half \\ud800 and nul \\x00 and escape \\x1b[31m")
        return "said"

    async def fails_badly(self):
        from switchyard import DriverError
        raise DriverError("\\ud800" * 300, "half \\ud800 nul \\x00 " + "x" * 1_000_000, {"n": float("nan")})

    async def progresses_wrongly(self):
        self.instance.progress("much", None)

    async def names_badly(self):
        for name in ("../up", "/etc/passwd", "a/b", "a\\x00b", "\\x1b[31m", "", ".hidden", "x" * 101, "\\ud800", "a b", "n" * 50_000):
            try:
                self.instance.artifact(name, "content")
            except Exception as thrown:
                print("refused", type(thrown).__name__)
        self.instance.artifact("good.txt", "content", "text/html\\x00\\r\\nX-Other: 1")
        return "named"

    async def keeps_many(self):
        for index in range(100_000):
            self.instance.artifact("file%d" % index, "x")
        return "kept"

    async def keeps_large(self):
        content = b"x" * (15 << 20)
        for index in range(5):
            self.instance.artifact("large.bin", content + b"%d" % index)
        return "kept"

    async def keeps_too_large(self):
        self.instance.artifact("large.bin", b"x" * (17 << 20))
        return "kept"

    async def keeps_secrets(self):
        told = (await self.echo())["raw"]
        self.instance.artifact("told.txt", "it is " + told, told)
        self.instance.artifact(told, "named by it")
        self.instance.artifact("coded.txt", base64.b64encode(told.encode()))
        return told

    async def keeps_late(self):
        host = sys.modules["__main__"].host
        def later():
            while host._current is not None:
                time.sleep(0.001)
            self.instance.artifact("late.txt", "late")
        async def stubborn():
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                self.instance.artifact("later.txt", "late")
        threading.Thread(target=later, daemon=True).start()
        self.left = asyncio.get_running_loop().create_task(stubborn())
        await asyncio.sleep(0)
        self.instance.artifact("first.txt", "in time")
        return "left"
`;

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: out.read, verbs: [read], targets: [vm] }`;

const pack = (): Record<string, string> => {
  const { "plugin.yaml": manifest = "" } = httpPack(typeId, { capabilities });
  return { "plugin.yaml": manifest, "driver.py": driver };
};

const stores = [
  { store: "SQLite", isThere: true },
  { store: "PostgreSQL", isThere: missingPostgres === undefined || process.env["SWITCHYARD_TEST_STRICT"] === "1" },
];

describe.skipIf(!canRunPython).each(stores.filter(({ isThere }) => isThere))("with $store", ({ store }) => {
  let postgres: TestPostgres | undefined;
  let system: System;
  let caller: Caller;
  let device: HttpDevice;
  let instance: string;
  let echo = secret;
  beforeAll(async () => {
    if (store === "PostgreSQL") postgres = await startTestPostgres();
    device = await startHttp((_, response) => void response.end(echo));
    system = await startSystem({
      env: postgres === undefined ? {} : { DATABASE_URL: await postgres.createDatabase() },
    });
    caller = callerOf(system);
    const archive = await zip(pack());
    const { body } = await caller.uploadBytes(archive);
    expect(caller.codeOf({ body } as Answer)).toBe("succeeded");
    instance = await caller.addInstance(typeId, "out", { host: "127.0.0.1", port: device.port }, { token: secret });
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
    await postgres?.stop();
  }, 60_000);

  const read = async (how: string) => {
    const answer = await caller.act(instance, { capability: "out.read", verb: "read", params: { how } });
    return caller.settled(answer.body.job_id ?? answer.body.id, 90_000);
  };
  const artifactsOf = async (id: string) =>
    (
      await system.call<{ items: { name: string; size: number; content_type: string }[] }>(
        "GET",
        `/api/jobs/${id}/artifacts`,
      )
    ).body.items;
  const eventsOf = async (id: string) =>
    (
      await system.call<{ items: { phase: string; message: string }[] }>(
        "GET",
        `/api/jobs/${id}/events?limit=500`,
        undefined,
        {
          accept: "application/json",
        },
      )
    ).body.items;
  const contentOf = async (id: string, name: string): Promise<string> =>
    (
      await fetch(`${system.url}/api/jobs/${id}/artifacts/${name}`, {
        headers: { authorization: `Bearer ${system.token}` },
      })
    ).text();

  it.each(["huge", "nan", "infinity", "deep", "cycle", "bytes", "set", "object", "pairs", "proto"])(
    "an answer of %s is refused with its place",
    async (how) => {
      expect(await read(how)).toMatchObject({ state: "failed", error: { code: "response_invalid" } });
    },
    40_000,
  );

  it.each(["surrogate", "nul", "big_numbers", "long_keys", "words", "nothing", "wide"])(
    "an answer of %s is kept and can be read",
    async (how) => {
      const job = await read(how);
      expect(job).toMatchObject({ state: "succeeded" });
      expect((await system.call<{ id: string }>("GET", `/api/jobs/${job.id}`)).body.id).toBe(job.id);
    },
    40_000,
  );

  it("what it says and how it fails can be read, whatever letters it has", async () => {
    const said = await read("says_badly");
    expect(said).toMatchObject({ state: "succeeded" });
    expect((await eventsOf(said.id)).map(({ message }) => message).join()).not.toContain("\u001b");
    const failed = await read("fails_badly");
    expect(failed).toMatchObject({ state: "failed", error: { code: "driver_failed" } });
    expect(failed.error?.detail.length).toBeLessThan(20_000);
    expect(await read("progresses_wrongly")).toMatchObject({ state: "failed", error: { code: "driver_failed" } });
  });

  it.each(["surrogate", "nul", "plain"])("an inventory with ids of %s is kept and can be read", async (kind) => {
    echo = kind;
    const path = `/api/integrations/instances/${instance}/inventory`;
    const refreshed = await system.call<{ id: string }>("POST", `${path}/refresh`, {}, { prefer: "wait=20" });
    expect(refreshed.status).toBe(200);
    const { body } = await system.call<{ items: object[] }>("GET", `${path}?cached_only=true`);
    expect(body.items).toHaveLength(1);
    echo = secret;
  });

  it("a refresh that a person cancelled is no failed one; one that the driver failed is", async () => {
    const path = `/api/integrations/instances/${instance}/inventory`;
    const cacheOf = async () => (await system.call<{ cache: object }>("GET", `${path}?cached_only=true`)).body.cache;
    echo = "slow";
    const asked = await system.call<{ id: string }>("POST", `${path}/refresh`, {});
    await until(async () => ((await caller.job(asked.body.id)).state === "running" ? true : undefined), "the refresh");
    await system.call("POST", `/api/jobs/${asked.body.id}/cancel`);
    expect(await caller.settled(asked.body.id)).toMatchObject({ state: "cancelled" });
    expect(await cacheOf()).not.toHaveProperty("error");
    echo = "wrong";
    const failed = await system.call<{ code: string }>("POST", `${path}/refresh`, {}, { prefer: "wait=20" });
    expect(failed).toMatchObject({ status: 502, body: { code: "response_invalid" } });
    expect(await cacheOf()).toMatchObject({ error: { code: "response_invalid" } });
    echo = secret;
  }, 60_000);

  it("names that could be paths are refused, and none writes anywhere", async () => {
    const job = await read("names_badly");
    expect(job).toMatchObject({ state: "succeeded" });
    expect(await artifactsOf(job.id)).toMatchObject([{ name: "good.txt", size: 7 }]);
    const messages = (await eventsOf(job.id)).map(({ message }) => message).join("\n");
    expect(messages).toMatch(/a name may hold letters/);
    expect(messages).not.toMatch(/[\u0000\u001b]/);
    expect(await contentOf(job.id, "good.txt")).toBe("content");
  });

  it("a hundred thousand artifacts are twenty, and not as many warnings", async () => {
    const job = await read("keeps_many");
    expect(job).toMatchObject({ state: "succeeded" });
    expect(await artifactsOf(job.id)).toHaveLength(20);
    expect((await eventsOf(job.id)).filter(({ message }) => /is not kept/.test(message)).length).toBeLessThan(25);
  }, 60_000);

  it("the last one under a name stays, and the others weigh nothing", async () => {
    const job = await read("keeps_large");
    expect(job).toMatchObject({ state: "succeeded" });
    const [{ name, size } = { name: "", size: 0 }, ...others] = await artifactsOf(job.id);
    expect({ name, others }).toEqual({ name: "large.bin", others: [] });
    expect(size).toBeGreaterThanOrEqual(15 << 20);
    expect(await artifactsOf((await read("keeps_too_large")).id)).toEqual([]);
  }, 200_000);

  it("a secret is in no content, no type and no name of what is kept", async () => {
    const job = await read("keeps_secrets");
    const kept = await artifactsOf(job.id);
    expect(kept.map(({ name }) => name)).toEqual(["coded.txt", "told.txt"]);
    const contents = await Promise.all(kept.map(({ name }) => contentOf(job.id, name)));
    const all = JSON.stringify([job, kept, contents, await eventsOf(job.id)]);
    expect(all).toContain("[secret:token]");
    expect(all).not.toContain(secret);
    expect(all).not.toContain(Buffer.from(secret).toString("base64").slice(0, 20));
  });

  it("what comes when the call is over is not kept", async () => {
    const job = await read("keeps_late");
    expect(job).toMatchObject({ state: "succeeded" });
    expect((await artifactsOf(job.id)).map(({ name }) => name)).toEqual(["first.txt"]);
  });

  it("after all of it the system is ready, the data folder holds nothing it should not, and no sandbox is left over", async () => {
    expect((await fetch(`${system.url}/readyz`)).status).toBe(200);
    expect(readdirSync(system.dataDir).filter((name) => /good|large|file\d/.test(name))).toEqual([]);
    expect(readdirSync(join(system.dataDir, "releases")).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    expect(system.output()).not.toContain(secret);
    await until(
      () => (system.pids("switchyard-sandbox").length <= 2 ? true : undefined),
      "the sandboxes to end",
      45_000,
    );
  }, 60_000);
});
