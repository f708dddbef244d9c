/** `npm test`: formatting, lint, types and every test; ends with one line that counts them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./platform.mjs";

/** More files than this fail for a reason of their own: chance is not that frequent. */
const mostChances = 3;

const scratch = mkdtempSync(join(tmpdir(), "switchyard-check-"));
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0;
const bin = (name) => join(root, "node_modules", ".bin", name);
const say = (line) => process.stdout.write(`${line}\n`);

const filters = process.argv.slice(2);
const checks = [
  [
    "formatting and lint",
    () => node(join(root, "node_modules/@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."),
  ],
  ["types", () => spawnSync(process.execPath, [bin("tsc"), "-p", "."], { cwd: root, stdio: "inherit" }).status === 0],
];

/** How many tests of these files went how. */
const countsOf = (files) => {
  const states = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const count = (...names) => states.filter((state) => names.includes(state)).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped", "pending", "todo", "disabled") };
};

/** Runs the test files that match: whether all is well, and what was reported of each file. */
const runTests = (name, paths) => {
  const file = join(scratch, `${name}.json`);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const isGreen = node(vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...paths);
  try {
    return { isGreen, files: JSON.parse(readFileSync(file, "utf8")).testResults };
  } catch {
    say("FAILED: the test runner wrote no report");
    return { isGreen: false, files: [] };
  }
};

const nameOf = ({ name }) => name.slice(root.length);
const isRed = ({ status }) => status === "failed";

/**
 * Runs red files once more by themselves. What is broken stays red; what the machine's load alone broke is green then,
 * counts as passed, and is named, so that somebody mends it.
 */
const runRedAgain = (first) => {
  const red = first.files.filter(isRed);
  if (filters.length > 0 || red.length === 0 || red.length > mostChances) return first;
  say(`Once more, by themselves: ${red.map(nameOf).join(", ")}`);
  const again = runTests("again", red.map(nameOf));
  if (!again.isGreen) return first;
  for (const file of red) {
    const titles = file.assertionResults.filter(isRed).map(({ fullName }) => fullName);
    say(`UNSTEADY: failed at first, passed by itself: ${nameOf(file)}: ${titles.join("; ") || "the whole file"}`);
  }
  return { isGreen: true, files: [...first.files.filter((file) => !isRed(file)), ...again.files] };
};

let passed = 0;
let failed = 0;
if (filters.length === 0) {
  for (const [name, check] of checks) {
    const isGood = check();
    say(`${isGood ? "ok" : "FAILED"}: ${name}`);
    if (isGood) passed += 1;
    else failed += 1;
  }
}
const { isGreen, files } = runRedAgain(runTests("all", filters));
rmSync(scratch, { recursive: true, force: true });
const tests = countsOf(files);
passed += tests.passed;
// A file that cannot be loaded is red without a failed test.
failed += isGreen ? tests.failed : Math.max(tests.failed, 1);
say(`${passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);
