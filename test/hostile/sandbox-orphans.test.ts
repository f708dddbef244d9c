/** A runner that is killed takes its sandboxes with it, also those that never look up. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { testableLevels } from "../kit/levels.ts";
import { canRunPython } from "../kit/python.ts";

const pythonKit = new URL("../kit/python.ts", import.meta.url).href;
const kit = new URL("../kit/sandbox.ts", import.meta.url).href;

/** A process of its own that starts a looping driver, prints the pids of its descendants and waits to be killed. */
const runner = (level: string, language: string): string => `
import { readFileSync } from "node:fs";
import { openBench } from ${JSON.stringify(kit)};
import { openPythonBench } from ${JSON.stringify(pythonKit)};
const python = "class D:\\n    def __init__(self, transports):\\n        self.transports = transports\\n    async def loops(self):\\n        await (await self.transports.get('http')).call({'path': '/'})\\n        while True:\\n            pass\\n";
const driver = "import { Driver } from 'switchyard/sdk'; export class D extends Driver { async loops() { await this.transports.http.request({ path: '/' }); for (;;); } }";
const below = (pid) => readFileSync("/proc/" + pid + "/task/" + pid + "/children", "latin1").trim().split(" ").filter(Boolean).flatMap((child) => [child, ...below(child)]);
const bench = ${JSON.stringify(language)} === "python" ? await openPythonBench({ "driver.py": python }) : await openBench(${JSON.stringify(level)}, { "driver.js": driver });
const ask = async () => { console.log(below(process.pid).join(" ")); return { status: 200, headers: {}, body: "", latency_ms: 0 }; };
await bench.call("loops", {}, { ask, timeoutMs: 60_000 });
`;

const cases = [
  ...(await testableLevels()).map((level) => [level, "node"] as const),
  ...(canRunPython ? [["full", "python"] as const] : []),
];

describe.each(cases)("at level %s, in %s", (level, language) => {
  let child: ChildProcess | undefined;
  const folder = mkdtempSync(join(tmpdir(), "orphans-"));
  afterEach(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test("a driver in a busy loop dies with the killed runner", async () => {
    chmodSync(folder, 0o755);
    const args = ["--no-warnings", "--input-type=module", "-e", runner(level, language)];
    child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { TMPDIR: folder },
      cwd: new URL("..", import.meta.url),
    });
    const [line] = await once(child.stdout!, "data");
    const pids = String(line).trim().split(" ");
    expect(pids.length).toBeGreaterThanOrEqual(level === "full" ? 2 : 1);
    expect(pids.every((pid) => existsSync(`/proc/${pid}`))).toBe(true);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]), { timeout: 3_000 });
  });
});
