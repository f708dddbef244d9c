/** What a driver writes past its console, straight to its process' standard error, is in no log: it may be a secret. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/log.ts";
import { testableLevels } from "../kit/levels.ts";
import { type Bench, failure, openBench } from "../kit/sandbox.ts";

const driver = `import { writeSync } from "node:fs";
import { Driver } from "switchyard/sdk";
export class D extends Driver {
  tells() { writeSync(2, "last words: " + JSON.stringify(this.secrets)); process.abort(); }
}
`;

describe.each(await testableLevels())("at level %s", (level) => {
  const lines: [object, string | undefined][] = [];
  const log = { ...silentLog, warn: (facts: object, text?: string) => void lines.push([facts, text]) };
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(level, { "driver.js": driver }, { log });
  });
  afterAll(() => bench.close());

  test("a driver's last words are counted and not told", async () => {
    expect(await failure(bench.call("tells"))).toMatchObject({ code: "sandbox_crashed" });
    const [facts, text] = lines.find(([, said]) => said === "a sandbox ended by itself") ?? [];
    expect(text).toBeDefined();
    expect(facts).toMatchObject({ stderr_bytes: expect.any(Number) });
    expect((facts as { stderr_bytes: number }).stderr_bytes).toBeGreaterThan(20);
    expect(JSON.stringify(lines)).not.toMatch(/last words|handle-1/);
  });
});
