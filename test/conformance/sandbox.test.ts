/** What every level of the sandbox does for an honest driver, and what it says of a broken one. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { honestPack } from "../kit/honest-driver.ts";
import { testableLevels } from "../kit/levels.ts";
import { type Bench, failure, mostAtOnce, openBench } from "../kit/sandbox.ts";

describe.each(await testableLevels())("at level %s", (level) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(level, honestPack);
  });
  afterAll(() => bench.close());
  afterEach(() => {
    bench.events.length = 0;
    bench.asked.length = 0;
  });

  test("a method answers plain JSON and sees config and handles; what is undefined is left out", async () => {
    expect(await bench.call("test_connection")).toEqual({
      status: "connected",
      latency_ms: 4,
      config: { host: "device" },
      secrets: { token: "handle-1" },
    });
  });

  test("a driver's request is a question to the runner and gets its answer", async () => {
    const answer = await bench.call("inventory_list", { targetType: "vm", options: { deep: true } });
    expect(answer).toEqual([{ type: "vm", options: { deep: true }, status: 200, body: {} }]);
    expect(bench.asked).toEqual([["http.request", { path: "/vm", transport: "http" }]]);
  });

  test("more requests than may be open at once wait inside the sandbox", async () => {
    const { answer, most } = await mostAtOnce(bench, "many");
    expect(answer).toBe(60);
    expect(most).toBeLessThanOrEqual(16);
  });

  test.each(["timer", "signal", "immediate", "file", "late"])(
    "a driver that waits for an answer hears of something else meanwhile: %s",
    async (how) => {
      const held = Promise.withResolvers<null>();
      const ask = async (_op: string, args: unknown) =>
        (args as { path: string }).path === "/held" ? held.promise : null;
      expect(await bench.call("race", { how }, { ask })).toBe(how);
      held.resolve(null);
    },
  );

  test("what a driver's module began goes on while a call waits for an answer, the second as well", async () => {
    const source = `import { Driver } from "switchyard/sdk";
let tick = () => undefined;
setInterval(() => tick(), 20);
let calls = 0;
export class D extends Driver {
  async race() {
    calls += 1;
    const ticked = new Promise((resolve) => { tick = () => resolve("tick " + calls); });
    return Promise.race([this.transports.http.request({ path: "/held" }).then(() => "answer"), ticked]);
  }
}
`;
    const release = {
      digest: "ticking",
      dir: await bench.writePack({ "driver.js": source }),
      entrypoint: "driver:D",
    };
    const held = Promise.withResolvers<null>();
    const ask = (): Promise<null> => held.promise;
    for (const call of [1, 2, 3]) {
      expect(await bench.call("race", {}, { release, ask, timeoutMs: 3_000 })).toBe(`tick ${call}`);
    }
    held.resolve(null);
  });

  test("log, progress and everything printed are events of the call", async () => {
    await bench.call("speak");
    expect(bench.events).toEqual([
      { kind: "log", level: "info", message: "printed { a: 1 }", meta: { printed: true } },
      { kind: "log", level: "info", message: "raw", meta: { printed: true } },
      { kind: "log", level: "info", message: "logged", meta: { at: 2 } },
      { kind: "progress", percent: 50, message: "half" },
    ]);
  });

  test("a driver's error keeps a code of the table, its details and its place", async () => {
    const error = await failure(bench.call("known"));
    expect(error).toMatchObject({ code: "auth_failed", message: "The token is not accepted." });
    expect(error.details).toEqual({ realm: "pam", at: expect.stringMatching(/^driver\.js:\d+$/) });
  });

  test("an invented code and any other error are driver_failed with the driver's words", async () => {
    const invented = await failure(bench.call("invented"));
    expect(invented).toMatchObject({ code: "driver_failed", message: "Something else." });
    expect(invented.details).toMatchObject({ driver_code: "not_a_code" });
    expect(await failure(bench.call("stumble"))).toMatchObject({
      code: "driver_failed",
      message: expect.stringMatching(/of null/),
    });
    expect(await failure(bench.call("absent"))).toMatchObject({
      code: "driver_failed",
      message: expect.stringMatching(/no method absent/),
    });
  });

  test("what the runner refuses reaches the driver with its code, and the job as it was", async () => {
    const refusal = new SwitchyardError("read_only_violation", { detail: "POST is a write.", details: { a: 1 } });
    const ask = () => Promise.reject(refusal);
    expect(await bench.call("caught", {}, { ask })).toEqual({
      code: "read_only_violation",
      message: "POST is a write.",
    });
    expect(await failure(bench.call("inventory_list", { targetType: "vm" }, { ask }))).toBe(refusal);
  });

  test("arguments of a request that are no plain JSON fail in the driver", async () => {
    expect(await failure(bench.call("strange"))).toMatchObject({
      code: "driver_failed",
      message: expect.stringMatching(/"\/json".*a Map/),
    });
  });

  test.each([
    ["date", "/list/1", "a Date"],
    ["function", "/f", "a function"],
    ["nan", "/x", "NaN"],
    ["bigint", "/a~1b", "a bigint"],
    ["map", "", "a Map"],
    ["cyclic", "/self/self", "a cycle"],
    ["getter", "/x", "throws when it is read"],
    ["proto", "/a/__proto__", "the key __proto__"],
  ])("an answer with a %s is response_invalid and says where", async (shape, pointer, got) => {
    const error = await failure(bench.call("odd", { shape }));
    expect(error.code).toBe("response_invalid");
    expect(error.errors[0]?.pointer).toContain(pointer);
    expect(error.message).toContain("expected plain JSON, got");
    expect(error.message).toContain(got);
  });

  test("a cancel fires the driver's signal, and the call ends as cancelled when the driver does", async () => {
    const controller = new AbortController();
    const ask = async () => {
      controller.abort();
      return null;
    };
    const error = await failure(bench.call("waitForAbort", {}, { signal: controller.signal, ask, graceMs: 5_000 }));
    expect(error.code).toBe("job_cancelled");
    expect(bench.events).toContainEqual({ kind: "log", level: "info", message: "heard job_cancelled", meta: {} });
  });

  test("a driver that does not heed the cancel is killed after the grace", async () => {
    const controller = new AbortController();
    const startedAt = performance.now();
    const ask = async () => {
      controller.abort();
      return null;
    };
    const error = await failure(bench.call("ignoreAbort", {}, { signal: controller.signal, ask, graceMs: 100 }));
    expect(error.code).toBe("job_cancelled");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("a call that is cancelled before it starts starts nothing", async () => {
    const error = await failure(bench.call("count", {}, { signal: AbortSignal.abort(), instanceId: "ins_never" }));
    expect(error.code).toBe("job_cancelled");
  });

  test("an error thrown outside the call's promise ends the call, and the next one gets a new process", async () => {
    expect(await failure(bench.call("stray"))).toMatchObject({
      code: "driver_failed",
      message: expect.stringContaining("out of nowhere"),
    });
    expect(await bench.call("count")).toBe(1);
  });

  test("a driver that leaves is a crashed sandbox", async () => {
    expect(await failure(bench.call("leave"))).toMatchObject({
      code: "sandbox_crashed",
      message: expect.stringMatching(/exit code 3/),
    });
  });

  test("calls of one instance share a warm process, another instance has its own", async () => {
    const first = await bench.call("count", {}, { instanceId: "ins_a" });
    const second = await bench.call("count", {}, { instanceId: "ins_a" });
    const other = await bench.call("count", {}, { instanceId: "ins_b" });
    expect([first, second, other]).toEqual([1, 2, 1]);
  });

  test("the processes carry their title and no environment", async () => {
    if (level === "full") return;
    const pid = await bench.call("whoami");
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).toMatch(/^switchyard-sandbox/);
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain("PATH=");
  });

  test("a look at a module tells its methods, its handles and nothing of the base class", async () => {
    const surface = await bench.pool.inspect(bench.dir, "driver:D", 5_000);
    expect(surface.methods).toMatchObject({ test_connection: 0, inventory_list: 1, field: 0 });
    expect(surface.methods).not.toHaveProperty("progress");
    expect(surface.handles).toEqual({ "vm.lifecycle": { verbs: ["start"], targets: ["vm"] } });
    expect(surface.importError).toBeNull();
  });
});
