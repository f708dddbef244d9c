/** A pack's own tests in Python: those of the docs run as they stand there, and what goes wrong is named. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readPack } from "../../src/recording/pack.ts";
import { runOwnTests } from "../../src/testing/own-tests.ts";
import { canRunPython } from "../kit/python.ts";

const docs = join(import.meta.dirname, "../../docs");
const block = (page: string, language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readFileSync(join(docs, page), "utf8"))?.[1] ?? "";

const pack = { "plugin.yaml": block("write-a-pack.md", "yaml"), "driver.py": block("write-a-pack.md", "python") };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const outcomeOf = async (files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), "python-tests-"));
  folders.push(folder);
  for (const [path, content] of Object.entries({ ...pack, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const { signal } = new AbortController();
  return runOwnTests(await readPack(folder), { environment: process.env, signal });
};

const caseOf = (body: string): string =>
  `import unittest\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        ${body}\n`;

describe.skipIf(!canRunPython)("tests in Python", () => {
  it("are those of the docs", async () => {
    expect(block("python.md", "python")).toContain("test_it_lists_each_lamp");
    expect(await outcomeOf({ "test_lamp.py": block("python.md", "python") })).toEqual({ isGood: true, detail: "" });
  });

  it("import what the driver imports: the runner's errors, and modules that the pack brings along", async () => {
    const body =
      "from switchyard import DriverError; import brought; self.assertEqual(DriverError('a', 'b').code, 'a')";
    const files = { "test/deep/test_it.py": caseOf(body), "vendor/brought.py": "", "vendor/test_brought.py": "boom" };
    expect(await outcomeOf(files)).toEqual({ isGood: true, detail: "" });
  });

  const good = { "test_good.py": caseOf("pass") };
  it.each([
    [
      "fails",
      { "test_it.py": caseOf("self.assertEqual(1, 2)") },
      /^not ok - test_it\.T\.test_it: AssertionError: 1 != 2$/,
    ],
    [
      "breaks beside a good one",
      { ...good, "test_it.py": caseOf("[][0]") },
      /^not ok - test_it\.T\.test_it: IndexError/,
    ],
    ["cannot be loaded", { ...good, "test_it.py": "import nowhere\n" }, /No module named 'nowhere'/],
    ["has nothing to run", { "test_it.py": "def helper(): pass\n" }, /no test was found in test_it\.py/],
  ])("are not good when one %s", async (_how, files, detail) => {
    expect(await outcomeOf(files)).toEqual({ isGood: false, detail: expect.stringMatching(detail) });
  });

  it("run beside those for Node's test runner, and both count", async () => {
    const node = (holds: boolean): string =>
      `import assert from "node:assert/strict";\nimport { test } from "node:test";\ntest("one", () => assert.ok(${holds}));\n`;
    const python = { "test_it.py": caseOf("pass") };
    expect(await outcomeOf({ ...python, "it.test.ts": node(true) })).toMatchObject({ isGood: true });
    expect(await outcomeOf({ ...python, "it.test.ts": node(false) })).toMatchObject({ isGood: false });
    expect(await outcomeOf({ "test_it.py": caseOf("self.fail()"), "it.test.ts": node(true) })).toMatchObject({
      isGood: false,
    });
  });

  it("are none where there are none", async () => {
    expect(await outcomeOf({ "vendor/test_brought.py": caseOf("pass") })).toBe(null);
  });
});
