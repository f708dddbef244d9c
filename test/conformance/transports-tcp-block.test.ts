/** Lines that a device takes together, such as a command and its block of data: sent as one, each held to its pattern. */
import { describe, expect, test } from "vitest";
import { startTcp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const facts = (port: number): BenchFacts => ({
  transports: {
    tcp: { host: "{host}", port: "{port}", line: "\r\n", reads: ["get *", "stats", "more"], ok: ["STORED", "OK"] },
  },
  config: { host: "127.0.0.1", port },
  secrets: { password: "long-password" },
  capability: { writes: ["set {target} 0 0 *", "hello", "flag *", "verbosity *"] },
});

/** A little of memcached: a `set` takes its bytes of data, and answers then. */
const startCache = () => {
  const stored: Record<string, string> = {};
  let open: { key: string; bytes: number } | undefined;
  return Object.assign(
    startTcp((raw) => {
      const line = raw.replace(/\r$/, "");
      const [command, key = "", , , bytes] = line.split(" ");
      if (open !== undefined) {
        const { key: name, bytes: length } = open;
        open = undefined;
        if (line.length !== length) return "CLIENT_ERROR bad data chunk\r";
        stored[name] = line;
        return "STORED\r";
      }
      if (command !== "set") return line === "flush_all" ? "FLUSHED\r" : `OK\r`;
      if (key === "full") return "SERVER_ERROR out of memory\r";
      open = { key, bytes: Number(bytes) };
      return undefined;
    }),
    { stored },
  );
};
const set = (data: string, bytes = data.length) => [`set 100 0 0 ${bytes}`, data];

describe("a command with its data", () => {
  test("is one line of a step, with one answer", async () => {
    const starting = startCache();
    await using device = await starting;
    await using bench = openBench(facts(device.port));
    const door = bench.applying([{ transport: "tcp", send: ["verbosity 1", set("hello"), set("flag on")] }]);
    expect(await door.ask("apply", {})).toEqual([{ lines: ["OK", "STORED", "STORED"] }]);
    expect(starting.stored).toEqual({ "100": "flag on" });
    expect(device.lines).toEqual(["verbosity 1\r", "set 100 0 0 5\r", "hello\r", "set 100 0 0 7\r", "flag on\r"]);
    expect(door.stepsDone).toBe(1);
  });

  test("is shown as what goes together", async () => {
    await using bench = openBench(facts(1));
    const steps = bench.normalise([{ transport: "tcp", send: ["verbosity 1", set("hello")] }]);
    expect(bench.session.preview(steps)).toEqual(["verbosity 1; set 100 0 0 5 ⏎ hello"]);
  });

  test("that is not taken ends the step, and says so in the device's words", async () => {
    const starting = startCache();
    await using device = await starting;
    await using bench = openBench(facts(device.port));
    const door = bench.applying([{ transport: "tcp", send: [set("hello", 4), "verbosity 1"] }]);
    expect(await door.ask("apply", {})).toEqual([{ lines: ["CLIENT_ERROR bad data chunk"] }]);
    expect(door.failedStep?.message).toMatch(/It says: CLIENT_ERROR bad data chunk/);
    expect(device.lines).not.toContain("verbosity 1\r");
  });

  test("is sent by a driver over its own session, which reads the answer there", async () => {
    await using device = await startCache();
    await using bench = openBench(facts(device.port));
    const door = bench.door({ mode: "free" });
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    await door.ask("tcp.send", { conn, line: set("hello") });
    expect(await door.ask("tcp.read_until", { conn, pattern: "STORED|ERROR" })).toEqual({ lines: ["STORED"] });
  });

  test("is a read where each of its lines is one", async () => {
    await using device = await startCache();
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    await door.ask("tcp.send", { conn, line: ["stats", "more"] });
    expect(await door.ask("tcp.read_until", { conn, pattern: "OK" })).toEqual({ lines: ["OK"] });
    expect(device.lines).toEqual(["stats\r", "more\r"]);
    expect(await codeOf(bench.door().ask("tcp.send", { conn: 1, line: ["stats", "more"] }))).toBe("driver_failed");
  });
});

describe("a write hidden in the data", () => {
  test.each([
    ["another command", [["set 100 0 0 0", "flush_all"]]],
    ["another command behind the data", [["set 100 0 0 5", "hello", "flush_all"]]],
    ["another command first", [["flush_all", "hello"]]],
    ["another target", [["set 101 0 0 5", "hello"]]],
    ["data that no entry names", [set("anything")]],
    ["options in the data", [set("flag -x")]],
  ])("(%s) is not planned, and not sent", async (_, send) => {
    await using device = await startCache();
    await using bench = openBench(facts(device.port));
    expect(() => bench.normalise([{ transport: "tcp", send }])).toThrow(
      expect.objectContaining({ code: "plan_deviation" }),
    );
    const door = bench.door({ mode: "free" });
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    expect(await codeOf(door.ask("tcp.send", { conn, line: send[0] }))).toBe("plan_deviation");
    expect(device.lines).toEqual([]);
  });

  test("is none while a driver may only read", async () => {
    await using device = await startCache();
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    expect(await codeOf(door.ask("tcp.send", { conn, line: ["get 100", "flush_all"] }))).toBe("read_only_violation");
    expect(device.lines).toEqual([]);
  });

  test.each([
    ["a line end in a line", ["set 100 0 0 5\r\nflush_all", "hello"], "endpoint_not_allowed"],
    ["a line end in the data", ["set 100 0 0 5", "hello\r\nflush_all"], "endpoint_not_allowed"],
    ["a bare line feed", ["set 100 0 0 5", "hello\nflush_all"], "endpoint_not_allowed"],
    ["nothing", [], "driver_failed"],
    ["an empty line", ["set 100 0 0 0", ""], "driver_failed"],
    ["a list in a list", [["set 100 0 0 5"], "hello"], "driver_failed"],
    ["a number", ["set 100 0 0 1", 1], "driver_failed"],
  ])("(%s) is none that can be sent", async (_, line, code) => {
    await using device = await startCache();
    await using bench = openBench(facts(device.port));
    const door = bench.door({ mode: "free" });
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    expect(await codeOf(door.ask("tcp.send", { conn, line }))).toBe(code);
    expect(() => bench.normalise([{ transport: "tcp", send: [line] }])).toThrow(expect.objectContaining({ code }));
    expect(device.lines).toEqual([]);
  });

  test("a secret stands in none of the lines", async () => {
    await using bench = openBench(facts(1));
    const handle = bench.session.handles["password"] ?? "";
    expect(() => bench.normalise([{ transport: "tcp", send: [["set 100 0 0 5", handle]] }])).toThrow(
      expect.objectContaining({ code: "handle_misplaced" }),
    );
  });
});
