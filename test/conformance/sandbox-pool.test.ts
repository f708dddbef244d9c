/** What the pool of sandboxes does with its processes, and what it says of modules that cannot be loaded. */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { honestPack } from "../kit/honest-driver.ts";
import { ofLiving } from "../kit/living.ts";
import { type Bench, failure, openBench } from "../kit/sandbox.ts";

const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    ofLiving(() => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8"), "")
      .split(" ")
      .filter(Boolean)
      .map(Number),
  );

const broken: readonly [string, Record<string, string>, { message: RegExp; file?: string; line?: number }][] = [
  [
    "throws",
    { "driver.js": "const a = 1;\n\nthrow new TypeError('no luck');\n" },
    { message: /TypeError: no luck/, file: "driver.js", line: 3 },
  ],
  [
    "does not parse",
    { "driver.js": "export class D {\n  oops(\n}\n" },
    { message: /SyntaxError/, file: "driver.js", line: 3 },
  ],
  [
    "breaks in a file it imports",
    { "driver.js": 'import "./b.js";\n', "b.js": "\nnull.x;\n" },
    { message: /TypeError/, file: "b.js", line: 2 },
  ],
  [
    "imports a file that is absent",
    { "driver.js": '// one\nimport "./gone.js";\n' },
    { message: /gone\.js/, file: "driver.js", line: 2 },
  ],
  [
    "imports a package",
    { "driver.js": '\n\nimport axios from "axios";\n' },
    { message: /got "axios"/, file: "driver.js", line: 3 },
  ],
  [
    "imports a name that is not there",
    { "driver.js": 'import { x } from "./b.js";\nexport class D {}\n', "b.js": "\n" },
    { message: /does not provide an export named 'x'/, file: "driver.js", line: 1 },
  ],
  [
    "imports from outside",
    { "driver.js": 'import "../../etc/x.js";\n' },
    { message: /lies outside/, file: "driver.js", line: 1 },
  ],
  [
    "lacks the class",
    { "driver.js": "export class E {}\n" },
    { message: /export a class D, got: E/, file: "driver.js" },
  ],
  ["is not there", { "other.js": "" }, { message: /Expected driver\.js/ }],
  [
    "was written in TypeScript",
    {
      "driver.ts": "const a: number = 1;\nthrow new Error(`${a}`);\n",
      "driver.js": "const a         = 1;\nthrow new Error(`${a}`);\n",
    },
    { message: /Error: 1/, file: "driver.ts", line: 2 },
  ],
  [
    "hangs at its top level",
    { "driver.js": "await new Promise(() => setInterval(() => {}, 1000));\n" },
    { message: /did not finish loading/ },
  ],
  ["loops at its top level", { "driver.js": "for (;;);\n" }, { message: /did not finish loading/ }],
  ["leaves while it is loaded", { "driver.js": "process.exit(4);\n" }, { message: /exit code 4/ }],
];

describe("a module that cannot be loaded", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench("degraded", honestPack);
  });
  afterAll(() => bench.close());

  test.each(broken)("one that %s is told with its place in the author's source", async (_, pack, expected) => {
    const dir = await bench.writePack(pack);
    const { importError } = await bench.pool.inspect(dir, "driver:D", 1_500);
    expect(importError?.message).toMatch(expected.message);
    expect(importError?.file).toBe(expected.file);
    expect(importError?.line).toBe(expected.line);
  });

  /** Looks into a module that takes its time, and resolves with the look once its process runs. */
  const lookSlowly = async () => {
    let started = 0;
    const metrics = {
      sandboxStarted: () => {
        started += 1;
      },
      sandboxKilled: () => undefined,
    };
    const slow = "const from = Date.now(); while (Date.now() - from < 1_500);\n";
    const own = await openBench(
      "degraded",
      { "driver.js": `${slow}import { Driver } from "switchyard/sdk";\nexport class D extends Driver {}\n` },
      { metrics },
    );
    const before = new Set(childrenOf(process.pid));
    const ours = () => childrenOf(process.pid).filter((pid) => !before.has(pid));
    const looking = own.pool.inspect(own.dir, "driver:D", 20_000).finally(() => own.close());
    await vi.waitFor(() => expect(ours()).toHaveLength(1));
    return { pool: own.pool, looking, process: ours()[0] ?? 0, started: () => started };
  };

  test("is not one whose process somebody else killed: it is looked at again", async () => {
    const { looking, process: pid, started } = await lookSlowly();
    process.kill(pid, "SIGKILL");
    expect((await looking).importError).toBeNull();
    expect(started()).toBe(2);
  });

  test("is not looked at again when the runner itself ended its process", async () => {
    const { pool, looking, started } = await lookSlowly();
    pool.endAll();
    expect((await looking).importError).not.toBeNull();
    expect(started()).toBe(1);
  });

  test("fails a call with the same words", async () => {
    const dir = await bench.writePack({ "driver.js": "throw new Error('no luck');\n" });
    const release = { digest: "broken", dir, entrypoint: "driver:D" };
    const error = await failure(bench.call("test_connection", {}, { release }));
    expect(error).toMatchObject({
      code: "driver_failed",
      message: "The driver cannot be loaded: Error: no luck (at driver.js:1)",
    });
    expect(error.details).toEqual({ at: "driver.js:1" });
  });

  test("is no reason for TypeScript that was not stripped to fail", async () => {
    const source =
      'import { Driver, type Json } from "switchyard/sdk";\nexport class D extends Driver { async a(): Promise<Json> { return 7; } }\n';
    const release = { digest: "typed", dir: await bench.writePack({ "driver.ts": source }), entrypoint: "driver:D" };
    expect(await bench.call("a", {}, { release })).toBe(7);
  });
});

describe("the pool", () => {
  /** As many as may start before anybody has waited. */
  const few = 2 * availableParallelism();
  const benches: Bench[] = [];
  const open = async (changes: Parameters<typeof openBench>[2] = {}): Promise<Bench> => {
    const bench = await openBench("degraded", honestPack, changes);
    benches.push(bench);
    return bench;
  };
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });

  test("never has more processes than it may; the longest unused one goes first", async () => {
    const bench = await open({ maxProcesses: 2 });
    for (const instanceId of ["ins_a", "ins_b", "ins_a", "ins_c"]) await bench.call("count", {}, { instanceId });
    expect(bench.pool.stats()).toEqual({ processes: 2, busy: 0 });
    expect(await bench.call("count", {}, { instanceId: "ins_a" })).toBe(3);
    expect(await bench.call("count", {}, { instanceId: "ins_b" })).toBe(1);
  });

  test("lets a call wait when all are busy, and gives up at the call's deadline", async () => {
    const bench = await open({ maxProcesses: 1 });
    const blocker = failure(bench.call("ignoreAbort", {}, { timeoutMs: 1_500 }));
    await vi.waitFor(() => expect(bench.asked).toHaveLength(1));
    const late = failure(bench.call("count", {}, { instanceId: "ins_b", timeoutMs: 100 }));
    const patient = bench.call("count", {}, { instanceId: "ins_c" });
    expect((await late).code).toBe("timed_out");
    expect((await blocker).code).toBe("timed_out");
    expect(await patient).toBe(1);
  });

  /** One call more than a few processes serve, until each of them has one. */
  const untilEachHasOne = async (bench: Bench): Promise<void> => {
    const end = new AbortController();
    const ask = (): Promise<unknown> =>
      new Promise((_, reject) => end.signal.addEventListener("abort", () => reject()));
    const all = Array.from({ length: few + 1 }, () =>
      failure(bench.call("ignoreAbort", {}, { ask, signal: end.signal })),
    );
    const busy = { processes: few + 1, busy: few + 1 };
    await vi.waitFor(() => expect(bench.pool.stats()).toEqual(busy), { timeout: 10_000 });
    end.abort();
    bench.pool.endAll();
    await Promise.all(all);
  };

  test("starts others for an instance whose processes stay busy", async () => {
    await untilEachHasOne(await open({ maxProcesses: few + 1 }));
  });

  test("starts others at once where calls take long", async () => {
    const clock = { ms: 0 };
    const bench = await open({ restedMs: () => clock.ms, maxProcesses: few + 1 });
    const ask = async (): Promise<object> => {
      clock.ms += 20;
      return { status: 200, headers: {}, body: "", latency_ms: 20 };
    };
    // The first one finds a process that is not ready yet, which says nothing of the call.
    for (const _ of [1, 2]) await bench.call("caught", {}, { ask });
    await untilEachHasOne(bench);
  });

  test("stays with a few processes while nobody waits long", async () => {
    const bench = await open({ now: () => 0, restedMs: () => 0, maxProcesses: 4 * few });
    const ask = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(Array.from({ length: 4 * few }, () => bench.call("count", {}, { ask })));
    }
    expect(bench.pool.stats().processes).toBeLessThanOrEqual(few);
  });

  test("stays with a few while it is the runner itself that calls wait for, but nobody waits long for that", async () => {
    const clock = { ms: 0, looks: 0 };
    const now = (): number => {
      clock.looks += 1;
      return clock.ms;
    };
    const bench = await open({ now, restedMs: () => 0, maxProcesses: 4 * few });
    const answer = { status: 200, headers: {}, body: "", latency_ms: 30 };
    const slowly = async (): Promise<object> => {
      clock.ms += 30;
      return answer;
    };
    for (const _ of [1, 2]) await bench.call("caught", {}, { ask: slowly });
    const held = Promise.withResolvers<object>();
    let asking = 0;
    const ask = (): Promise<object> => {
      asking += 1;
      return held.promise;
    };
    const crowd = Array.from({ length: few + 2 }, () => bench.call("caught", {}, { ask }));
    await vi.waitFor(() => expect(asking).toBe(few), { timeout: 10_000 });
    clock.ms += 900;
    const seen = clock.looks;
    await vi.waitFor(() => expect(clock.looks).toBeGreaterThan(seen + 4 * few));
    expect(bench.pool.stats().processes).toBe(few);
    clock.ms += 100;
    await vi.waitFor(() => expect(bench.pool.stats()).toEqual({ processes: few + 2, busy: few + 2 }));
    held.resolve(answer);
    await Promise.all(crowd);
  });

  test("makes do with one process for many short calls", async () => {
    const bench = await open();
    const counts = await Promise.all(Array.from({ length: 30 }, () => bench.call("count")));
    expect(
      counts
        .map(Number)
        .toSorted((a, b) => a - b)
        .at(-1),
    ).toBeGreaterThan(10);
    expect(bench.pool.stats().processes).toBeLessThan(4);
  });

  test("ends idle processes after their time, and at once after a call that asks for it", async () => {
    const bench = await open({ idleMs: 100 });
    await bench.call("count", {}, { keepWarm: false });
    expect(bench.pool.stats().processes).toBe(0);
    await bench.call("count");
    expect(bench.pool.stats().processes).toBe(1);
    await vi.waitFor(() => expect(bench.pool.stats().processes).toBe(0));
  });

  test("forgets an instance's processes when it changed", async () => {
    const bench = await open();
    await bench.call("count");
    bench.pool.endInstance("ins_1");
    expect(await bench.call("count")).toBe(1);
  });

  test("kills everything at once when the lease is lost", async () => {
    const bench = await open();
    const running = failure(bench.call("ignoreAbort"));
    await vi.waitFor(() => expect(bench.asked).toHaveLength(1));
    bench.pool.endAll();
    expect((await running).code).toBe("sandbox_crashed");
    expect(bench.pool.stats()).toEqual({ processes: 0, busy: 0 });
  });
});
