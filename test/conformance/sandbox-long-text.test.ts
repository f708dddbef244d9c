/** Long texts that a driver is answered: they travel beside the JSON, and arrive as they are. */
import { describe, expect, test } from "vitest";
import { testableLevels } from "../kit/levels.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import { type Bench, failure, openBench } from "../kit/sandbox.ts";

const inNode = `import { Driver } from "switchyard/sdk";
export class D extends Driver {
  async read() {
    return (await this.transports.http.request({ path: "/" })).body;
  }
  async measure() {
    return (await this.read()).length;
  }
  async several() {
    const all = await Promise.all(["/a", "/b", "/c"].map((path) => this.transports.http.request({ path })));
    return all.map(({ body }) => body.length + body[0]);
  }
  async output() {
    return this.transports.ssh.run(["show", "all"]);
  }
}`;

const inPython = `
class D:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def read(self):
        http = await self.transports.get("http")
        return (await http.call({"path": "/"}))["raw"]

    async def measure(self):
        return len(await self.read())
`;

const long = 100_000;
const texts: Readonly<Record<string, string>> = {
  "quotes and line ends": '{"a":"b\\\\"}\n'.repeat(long / 10),
  "letters of several bytes": "äß€😀".repeat(long / 4),
  "zeros and controls": "\0\u0007\u2028".repeat(long / 3),
  "half a pair": `${"x".repeat(long)}\ud800${"y".repeat(100)}`,
  "one letter below the length of a frame of its own": "z".repeat(16 * 1024 - 1),
  "exactly of that length": "z".repeat(16 * 1024),
  "sixteen million letters, each of them escaped in JSON": '"'.repeat(16_000_000),
};

/** What Python can say: half a pair is no text there. */
const whole = Object.entries(texts).filter(([name]) => name !== "half a pair");
/** In the driver's answer a text is escaped, and a message has its bounds. */
const mayComeBack = (text: string): boolean => text.length < 1_000_000;

const expectWhole = async (bench: Bench, text: string): Promise<void> => {
  const ask = async () => ({ status: 200, headers: {}, body: text, latency_ms: 1 });
  if (mayComeBack(text)) expect(await bench.call("read", {}, { ask })).toBe(text);
  else expect(await bench.call("measure", {}, { ask, timeoutMs: 60_000 })).toBe(text.length);
};

const withBench = async (bench: Bench, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } finally {
    await bench.close();
  }
};

describe.each(await testableLevels())("at level %s", (level) => {
  const open = (): Promise<Bench> => openBench(level, { "driver.js": inNode });

  test.each(Object.entries(texts))("%s", { timeout: 60_000 }, async (_, text) => {
    const bench = await open();
    await withBench(bench, () => expectWhole(bench, text));
  });

  test("several at once each reach the request they answer", async () => {
    const bench = await open();
    const lengths: Readonly<Record<string, number>> = { "/a": 20_000, "/b": 3, "/c": 50_000 };
    const ask = async (_: string, args: unknown) => {
      const { path } = args as { path: string };
      return { status: 200, headers: {}, body: (path[1] ?? "").repeat(lengths[path] ?? 0), latency_ms: 1 };
    };
    await withBench(bench, async () => {
      expect(await bench.call("several", {}, { ask })).toEqual(["20000a", "3b", "50000c"]);
    });
  });

  test("any one text of an answer, whatever it is called; a second one comes in the JSON", async () => {
    const bench = await open();
    const answer = { code: 0, stdout: "o".repeat(20_000), stderr: "e".repeat(30_000) };
    await withBench(bench, async () => {
      expect(await bench.call("output", {}, { ask: async () => answer })).toMatchObject(answer);
    });
  });
});

test("an answer that no message can hold is a failure that says so", async () => {
  const bench = await openBench("degraded", { "driver.js": inNode });
  const half = "q".repeat(13 * 1024 * 1024);
  const ask = async () => ({ code: 0, rows: [half, half] });
  await withBench(bench, async () => {
    expect(await failure(bench.call("output", {}, { ask }))).toMatchObject({
      code: "response_too_large",
      message: expect.stringMatching(/ask for less at once/),
    });
  });
});

describe.runIf(canRunPython)("a driver in Python", () => {
  test.each(whole)("%s", { timeout: 60_000 }, async (_, text) => {
    const bench = await openPythonBench({ "driver.py": inPython });
    await withBench(bench, () => expectWhole(bench, text));
  });
});
