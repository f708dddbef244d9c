/** What a driver tries in vain is told to its author: what is not there, what to use instead, and where it was tried. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testableLevels } from "../kit/levels.ts";
import { type Bench, failure, openBench } from "../kit/sandbox.ts";

const driver = `import { Driver } from "switchyard/sdk";
import fs from "node:fs";
export class D extends Driver {
  async fetches(): Promise<void> {
    await fetch("http://127.0.0.1:1/");
  }
  async sockets() { new WebSocket("ws://127.0.0.1:1"); }
  async connects() { const { lookup } = process.getBuiltinModule("node:dns").promises; await lookup("localhost"); }
  async reads() {
    fs.readFileSync("/etc/passwd");
  }
  async writes() { fs.writeFileSync("/tmp/written", "x"); }
  async spawns() { process.getBuiltinModule("node:child_process").execSync("ls"); }
  async wraps() {
    try { await fetch("http://127.0.0.1:1/"); } catch (cause) { throw new Error("The device is away", { cause }); }
  }
  async breaks() {
    const nothing: any = undefined;
    return nothing.name;
  }
  async own() { return fs.readFileSync(new URL("own.txt", import.meta.url), "utf8"); }
}
`;

describe.each(await testableLevels())("at level %s", (level) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(level, { "driver.ts": driver, "own.txt": "its own" });
  });
  afterAll(() => bench.close());

  test.each([
    ["fetches", "driver.ts:5", "this.transports"],
    ["sockets", "driver.ts:7", "this.transports"],
    ["connects", "driver.ts:8", "this.transports"],
    ["reads", "driver.ts:10", '"/etc/passwd" is none'],
    ["writes", "driver.ts:12", "this.artifact"],
    ["spawns", "driver.ts:13", "starts no programs"],
    ["wraps", "driver.ts:15", "The device is away: A driver has no network"],
    ["breaks", "driver.ts:19", "Cannot read properties of undefined"],
  ])("%s names the place and what to do", async (method, at, words) => {
    const error = await failure(bench.call(method));
    expect(error).toMatchObject({ code: "driver_failed", details: { at } });
    expect(error.message).toContain(words);
    expect(error.message).toContain(`(at ${at})`);
    expect(error.message).not.toContain("--allow");
  });

  test("the pack's own files are there", async () => {
    expect(await bench.call("own")).toBe("its own");
  });
});
