/** `check` as an author runs it: what it prints, how it ends, and the report that it leaves. */
import { execFile } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPackFolder } from "../../src/packs/pack-folder.ts";
import { qualityIn } from "../../src/packs/quality.ts";
import { recordedPack, recordLamps, removePack } from "./lamp.ts";

const root = join(import.meta.dirname, "..", "..");
const cli = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const all = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts"), ...args];
    execFile(process.execPath, all, { env: { ...process.env, NO_COLOR: "1" } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

describe("check", () => {
  let text: string;
  let good: string;
  beforeAll(async () => {
    text = await recordLamps();
    good = recordedPack(text);
  });
  afterAll(() => removePack(good));

  it("runs the pack's own tests and every check, and leaves a report that holds until something changes", async () => {
    const { code, out } = await cli("check", good, "--least", "platinum", "--write", "--json");
    expect(code).toBe(0);
    const { tier, missing, checks } = JSON.parse(out) as {
      tier: string;
      missing: string[];
      checks: { name: string }[];
    };
    expect({ tier, missing }).toEqual({ tier: "platinum", missing: [] });
    expect(checks.map(({ name }) => name)).toContain("own_tests");
    expect(qualityIn(await readPackFolder(good))).toEqual({ tier: "platinum", missing: [] });
    appendFileSync(join(good, "driver.js"), "// changed\n");
    expect(qualityIn(await readPackFolder(good))).toBeNull();
  });

  it("says which check fails and why, and what the next tier lacks", async () => {
    const loud = recordedPack(text, [
      { file: "driver.js", from: "const { name } =", to: 'console.log("hello"); const { name } =' },
    ]);
    const { code, out } = await cli("check", loud, "--least", "bronze");
    removePack(loud);
    expect(code).toBe(1);
    expect(out).toMatch(/FAIL bronze {4}Its driver writes to its log and prints nothing\n\s+it printed "hello"/);
    expect(out).toMatch(/ok {3}silver {4}Its own tests pass\n/);
    expect(out.trim().split("\n").at(-1)).toBe("no tier; for bronze it lacks quiet");
  });

  it("refuses a tier that there is not", async () => {
    const ran = await cli("check", good, "--least", "diamond");
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining("bronze, silver, gold, platinum") });
  });
});
