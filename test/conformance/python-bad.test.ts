/** What a broken or careless driver in Python gets: a named error with its place, and a runner that goes on. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync as isThere, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createFrameReader, encodeFrame } from "../../src/sandbox/frames.ts";
import { carelessDriver as driver } from "../kit/careless-driver.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import { type Bench, failure } from "../kit/sandbox.ts";

const run = promisify(execFile);
const hostPath = fileURLToPath(new URL("../../src/sandbox/python/host.py", import.meta.url));

describe.skipIf(!canRunPython)("a careless driver in Python", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openPythonBench({ "driver.py": driver });
  });
  afterAll(() => bench.close());
  afterEach(async () => {
    bench.events.length = 0;
    expect(await bench.call("fine")).toEqual(expect.any(Number));
    bench.events.length = 0;
  });
  const printed = (): string[] =>
    (bench.events as { message: string; meta: object }[])
      .filter(({ meta }) => "printed" in meta)
      .map((one) => one.message);

  test("that prints, by whatever way, has lines in its job's log and an answer", async () => {
    expect(await bench.call("prints_everywhere")).toBe(null);
    expect(printed().sort()).toEqual(
      ["print", "stdout", "dunder", "descriptor", "libc", "bytes", "error", "no end of line"].sort(),
    );
  });

  test("that prints without end is cut, with one line that says so", async () => {
    expect(await bench.call("prints_without_end")).toBe(null);
    expect(bench.events).toHaveLength(8_001);
    expect(bench.events.at(-1)).toMatchObject({ level: "warn", message: expect.stringMatching(/are not kept/) });
  });

  test.each([
    ["writes_to_the_line", "driver_failed", /larger than|not JSON|unknown shape/],
    ["exits", "driver_failed", /tried to end the process \(sys\.exit\)\. \(at driver\.py:\d+\)/],
    ["exits_hard", "sandbox_crashed", /exit code 3/],
    ["crashes", "sandbox_crashed", /signal SIGSEGV|exit code 139/],
    ["recurses", "driver_failed", /RecursionError/],
    ["answers_object", "response_invalid", /at \/items\/1\/when: expected plain JSON, got a object/],
    ["answers_nan", "response_invalid", /at \/ratio: expected plain JSON, got nan/],
    ["answers_cycle", "response_invalid", /more than 100 levels/],
    ["answers_pairs_as_keys", "response_invalid", /got the key \(1, 2\)/],
    ["answers_proto", "response_invalid", /__proto__/],
    ["answers_too_much", "response_invalid", /at most 24 MiB/],
    ["answers_too_many", "response_invalid", /got more than 1000000 values/],
    ["asks_too_many", "driver_failed", /http\.request at "": expected plain JSON, got more than 1000000 values/],
    ["asks_nonsense", "driver_failed", /http\.request at "\/json\/when": expected plain JSON, got a set/],
    ["asks_a_word", "driver_failed", /Expected a request of http as a dict/],
    ["no_such_thing", "driver_failed", /ModuleNotFoundError: No module named 'netmikoo'/],
  ])("%s fails as %s", async (method, code, words) => {
    const error = await failure(bench.call(method));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(words);
  });

  test("that answers a text full of commas beside as many values as may be is understood", async () => {
    expect(await bench.call("answers_many_commas")).toHaveLength(2);
  });

  test("that answers for a call which is not there answers nothing", async () => {
    expect(await bench.call("forges")).toBe("own");
  });

  test.each(["leaves_a_thread", "leaves_a_busy_thread", "leaves_a_stubborn_task"])(
    "%s: the call is answered, and what it left ends with its process",
    async (method) => {
      expect(await bench.call(method)).toBe("answered");
      await expect.poll(() => bench.pool.stats(), { timeout: 10_000 }).toEqual({ processes: 0, busy: 0 });
      expect(await bench.call("fine")).toBe(0);
    },
  );

  test("what a call asks for when it is over is not sent", async () => {
    bench.asked.length = 0;
    expect(await bench.call("asks_late")).toBe("answered");
    expect(await bench.call("sleeps_shortly")).toBe(null);
    expect(bench.asked).toEqual([]);
  });

  test("a task that a call left is cancelled, and the process goes on", async () => {
    const before = (await bench.call("fine")) as number;
    expect(await bench.call("leaves_a_task")).toBe("answered");
    expect(await bench.call("fine")).toBe(before + 1);
  });

  test.each(["spins", "sleeps_in_the_loop", "never_ends", "ignores_cancel"])(
    "%s is ended at its deadline",
    async (method) => {
      const error = await failure(bench.call(method, {}, { timeoutMs: 400 }));
      expect(error.code).toBe("timed_out");
    },
  );

  test.each(["spins", "never_ends", "ignores_cancel"])(
    "%s ends with the cancel, at the latest after the grace",
    async (method) => {
      const controller = new AbortController();
      const failed = failure(bench.call(method, {}, { signal: controller.signal, graceMs: 100 }));
      controller.abort();
      expect((await failed).code).toBe("job_cancelled");
    },
  );

  test("that eats memory is killed for it", async () => {
    expect((await failure(bench.call("eats", {}, { timeoutMs: 20_000 }))).code).toBe("sandbox_out_of_memory");
  }, 30_000);

  const broken: readonly (readonly [string, Record<string, string>, { words: RegExp; at?: string }])[] = [
    [
      "has a syntax error",
      { "driver.py": "class D:\n    def a(self)\n        pass\n" },
      { words: /^SyntaxError: expected ':'/, at: "driver.py:2" },
    ],
    [
      "has wrong indentation in a module",
      { "driver.py": "import other\n", "other.py": "x = 1\n  y = 2\n" },
      { words: /^IndentationError/, at: "other.py:2" },
    ],
    [
      "imports what is missing",
      { "driver.py": "import os\nimport netmikoo\n" },
      { words: /no module netmikoo: put it into the pack/, at: "driver.py:2" },
    ],
    [
      "throws as it is loaded",
      { "driver.py": "\n\nraise ValueError('no luck')\n" },
      { words: /^ValueError: no luck/, at: "driver.py:3" },
    ],
    [
      "exits as it is loaded",
      { "driver.py": "import sys\nsys.exit(4)\n" },
      { words: /ends the process/, at: "driver.py:2" },
    ],
    [
      "has another class",
      { "driver.py": "class Other:\n    pass\n" },
      { words: /define a class D, got: Other/, at: "driver.py" },
    ],
    ["hangs as it is loaded", { "driver.py": "import time\ntime.sleep(1000)\n" }, { words: /did not finish loading/ }],
    [
      "connects as it is loaded",
      { "driver.py": "import socket\nsocket.create_connection(('10.0.0.1', 80))\n" },
      { words: /no network of its own/, at: "driver.py:2" },
    ],
  ];
  test.each(broken)("a module that %s is told with its place", async (_, files, { words, at }) => {
    const dir = await bench.writePack(files);
    const { importError } = await bench.pool.inspect(dir, "driver:D", 1_500, "python");
    const { message, file, line } = importError ?? {};
    expect(message).toMatch(words);
    expect(line === undefined ? file : `${file}:${line}`).toBe(at);
  });

  test("byte code that lies beside a source, or without one, is not run", async () => {
    const dir = await bench.writePack({ "driver.py": "class D:\n    def a(self):\n        return 'stale'\n" });
    await run("/usr/bin/python3", ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", dir]);
    const fresh = { "driver.py": "class D:\n    def a(self):\n        import lone\n        return lone\n" };
    const other = await bench.writePack(fresh);
    await run("cp", ["-r", `${dir}/__pycache__`, other]);
    const compiled = ["3.11", "3.12", "3.13", "3.14"].map(
      (version) => `__pycache__/driver.cpython-${version.replace(".", "")}.pyc`,
    );
    const found = compiled.find((path) => isThere(`${other}/${path}`));
    expect(found).toBeDefined();
    await run("cp", [`${other}/${found}`, `${other}/lone.pyc`]);
    const release = { digest: "stale", dir: other, entrypoint: "driver:D", language: "python" } as const;
    expect((await failure(bench.call("a", {}, { release }))).message).toMatch(/No module named 'lone'/);
  });

  test("an interpreter that is too old or absent is told by its version, before and after it is started", async () => {
    const old = await openPythonBench(
      { "driver.py": driver },
      { interpreter: { path: "/usr/bin/python3.9", version: "3.9" } },
    );
    const none = await openPythonBench({ "driver.py": driver }, { interpreter: null });
    try {
      expect(await failure(old.call("fine"))).toMatchObject({
        code: "program_missing",
        message: expect.stringMatching(/Python 3\.11 or newer.*got 3\.9/),
      });
      expect(await failure(none.call("fine"))).toMatchObject({
        code: "program_missing",
        message: expect.stringMatching(/got none/),
      });
    } finally {
      await old.close();
      await none.close();
    }
    const source = readFileSync(hostPath, "utf8");
    const pretend = `import sys\nsys.version_info = (3, 9, 2)\nexec(compile(${JSON.stringify(source)}, "host.py", "exec"))`;
    const child = spawn("python3", ["-c", pretend], { stdio: ["ignore", "ignore", "inherit", "pipe"] });
    const line = child.stdio[3] as Duplex;
    const said: { t: string; error?: object }[] = [];
    const reader = createFrameReader((body) => said.push(JSON.parse(body.toString())));
    line.on("data", (chunk: Buffer) => reader.push(chunk));
    line.write(encodeFrame({ t: "call", id: "1", method: "fine", args: {}, config: {}, secrets: {} }));
    await expect.poll(() => said.length, { timeout: 10_000 }).toBe(2);
    expect(said[1]).toMatchObject({
      t: "failed",
      error: { code: "program_missing", message: expect.stringMatching(/has Python 3\.9, .* need 3\.11/) },
    });
    line.destroy();
    await once(child, "exit");
  });

  test("at a degraded sandbox there is none: the refusal says why and what to do", async () => {
    const degraded = await openPythonBench({ "driver.py": driver }, { level: "degraded" });
    try {
      expect(await failure(degraded.call("fine"))).toMatchObject({
        code: "sandbox_level_too_low",
        message: expect.stringMatching(/behind bubblewrap only.*install bubblewrap/),
      });
    } finally {
      await degraded.close();
    }
  });
});
