/** A driver that wears out time, memory or the line to the runner ends with its own error, and nobody else notices. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { testableLevels } from "../kit/levels.ts";
import { ofLiving } from "../kit/living.ts";
import { type Bench, failure, openBench } from "../kit/sandbox.ts";
import { descendants } from "../kit/system.ts";
import { exhaustionDriver } from "./exhaustion-driver.ts";

const cap = 160 * 1024 * 1024;
const deadlineMs = 2_000;
/** Who eats memory stands behind whoever else wants a processor, and must be found by that and not by its time. */
const eatingMs = 10_000;
const deadlineOf = (code: string): number => (code.includes("out_of_memory") ? eatingMs : deadlineMs);

/** Method, the error it must end with, and a word of its sentence. */
const endings: readonly [string, string, RegExp][] = [
  ["neverEnds", "timed_out", /within 2000 ms/],
  ["loops", "timed_out", /within 2000 ms/],
  ["loopsInMicrotasks", "timed_out", /within 2000 ms/],
  ["timers", "timed_out", /within 2000 ms/],
  ["heap", "sandbox_out_of_memory", /160 MiB/],
  ["strings", "sandbox_out_of_memory", /160 MiB/],
  ["buffers", "sandbox_out_of_memory", /160 MiB/],
  ["buffersInOneGo", "sandbox_out_of_memory", /160 MiB/],
  ["fourGigabytes", "sandbox_out_of_memory", /160 MiB/],
  ["pageTables", "sandbox_out_of_memory", /160 MiB/],
  ["stack", "driver_failed", /call stack/],
  ["aborts", "sandbox_crashed", /ended by itself/],
  ["rejectsAside", "driver_failed", /aside/],
  ["largeAnswer", "response_invalid", /at most 24 MiB/],
  ["largeQuestion", "driver_failed", /smaller than 24 MiB/],
  ["deepAnswer", "response_invalid", /100 levels/],
  ["wideAnswer", "response_invalid", /more than 1000000 values/],
  ["wideQuestion", "driver_failed", /more than 1000000 values/],
  ["closesLine", "timed_out or sandbox_crashed", /./],
  ["breaksBuiltins", "timed_out", /./],
  ["dropsListeners", "timed_out or sandbox_crashed", /./],
  ["rawFlood", "timed_out", /within 2000 ms/],
  ["rawLength", "driver_failed", /frame of 2147483647 bytes/],
  ["rawGarbage", "driver_failed", /not JSON/],
  ["rawShape", "driver_failed", /unknown shape/],
  ["rawKind", "driver_failed", /unknown shape/],
  ["rawProto", "response_invalid", /__proto__/],
  ["rawDeep", "response_invalid", /levels/],
  ["rawWide", "driver_failed", /more than 1000000 values/],
  ["rawReadies", "driver_failed", /twice/],
  ["rawStranger", "driver_failed", /name of a call that it does not work on/],
];

describe.each(await testableLevels())("at level %s", (level) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(level, { "driver.js": exhaustionDriver }, { memoryCapBytes: cap });
    await bench.call("ping", {}, { instanceId: "ins_other" });
  });
  afterAll(() => bench.close());

  const expectOthersUnharmed = async (): Promise<void> => {
    const startedAt = performance.now();
    expect(await bench.call("ping", {}, { instanceId: "ins_other" })).toBe("pong");
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  };

  test.each(endings)("%s ends with %s in time", async (method, code, words) => {
    const startedAt = performance.now();
    const running = failure(bench.call(method, {}, { timeoutMs: deadlineOf(code), instanceId: `ins_${method}` }));
    await expectOthersUnharmed();
    const error = await running;
    expect(code.split(" or ")).toContain(error.code);
    expect(error.message).toMatch(words);
    expect(performance.now() - startedAt).toBeLessThan(deadlineOf(code) + 1_500);
    await expectOthersUnharmed();
    expect(Object.prototype).not.toHaveProperty("polluted");
  });

  test.each(["events", "printed", "bigEvents"])(
    "%s are cut after what one call may say, with one marker",
    async (method) => {
      const heard: { message: string }[] = [];
      const onEvent = (event: unknown) => heard.push(event as { message: string });
      expect(await bench.call(method, {}, { onEvent, timeoutMs: 20_000 })).toBe("done");
      expect(heard.length).toBeLessThanOrEqual(8_001);
      expect(heard.reduce((bytes, { message }) => bytes + message.length, 0)).toBeLessThan(13 * 1024 * 1024);
      expect(heard.filter(({ message }) => message.startsWith("Further lines"))).toHaveLength(1);
      expect(heard.at(-1)?.message).toMatch(/^Further lines/);
    },
  );

  test("timers that a call leaves behind do not hurt another instance", async () => {
    expect(await bench.call("timersLeftBehind", {}, { instanceId: "ins_timers" })).toBe("left");
    await expectOthersUnharmed();
  });

  test("what a driver does after its call is over is not heard", async () => {
    bench.events.length = 0;
    bench.asked.length = 0;
    const over = await bench.call("background", {}, { instanceId: "ins_late" });
    expect(over).toBe("over");
    const later = { timeoutMs: 300, instanceId: "ins_late" };
    expect((await failure(bench.call("neverEnds", {}, later))).code).toBe("timed_out");
    expect(bench.events).toEqual([]);
    expect(bench.asked).toEqual([]);
  });

  test("a driver that keeps a processor busy stands back behind the others, as long as it does", async () => {
    const niceOf = (pid: number): number => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    };
    /** What its session weighs, where Linux groups by sessions. */
    const sessionNiceOf = (pid: number): number | undefined => {
      const path = `/proc/${pid}/autogroup`;
      const found = existsSync(path) ? / nice (-?\d+)/.exec(readFileSync(path, "utf8")) : null;
      return found === null ? undefined : Number(found[1]);
    };
    const niceOfAll = (pid: number): number[] => {
      const [own, session = own] = [niceOf(pid), sessionNiceOf(pid)];
      return own === session ? [own] : [];
    };
    const nices = (): number[] =>
      descendants(process.pid)
        .filter(({ title }) => title.startsWith("switchyard-sandbox"))
        .flatMap(({ pid }) => ofLiving(() => niceOfAll(pid), []));
    const running = failure(bench.call("loops", {}, { timeoutMs: 4_000, instanceId: "ins_busy" }));
    await vi.waitFor(() => expect(nices()).toContain(19), { timeout: 3_500 });
    await vi.waitFor(() => expect(nices()).toContain(5));
    expect(await running).toMatchObject({ code: "timed_out" });
    await vi.waitFor(() => expect(nices()).not.toContain(19), { timeout: 3_000 });
  });

  test("messages with guessed ids are dropped", async () => {
    bench.asked.length = 0;
    expect(await bench.call("rawForged", {}, { instanceId: "ins_forge" })).toBe("own");
    expect(bench.asked).toEqual([["http.request", { path: "/own", transport: "http" }]]);
  });

  test.each([
    ["throws", "throw new Error('no luck');", "driver_failed"],
    ["waits for ever", "await new Promise(() => setInterval(() => {}, 1000));", "timed_out"],
    ["loops", "for (;;);", "timed_out"],
    // As one that wore something out just now it stands behind whoever else wants a processor.
    ["eats memory", "const all = []; for (;;) all.push(Buffer.alloc(1e6, 1));", "sandbox_out_of_memory"],
  ])("a module that %s at its top level ends with its own error", async (_, source, code) => {
    const release = { digest: source, dir: await bench.writePack({ "driver.js": source }), entrypoint: "driver:D" };
    const timeoutMs = code === "sandbox_out_of_memory" ? 20_000 : 2_000;
    expect((await failure(bench.call("ping", {}, { release, timeoutMs }))).code).toBe(code);
    await expectOthersUnharmed();
  });
});
