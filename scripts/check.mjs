/** `npm test`: formatting, lint, types and every test; ends with one line that counts them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./platform.mjs";

const scratch = mkdtempSync(join(tmpdir(), "switchyard-check-"));
const report = join(scratch, "vitest.json");
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0;
const bin = (name) => join(root, "node_modules", ".bin", name);

const filters = process.argv.slice(2);
const checks = [
  [
    "formatting and lint",
    () => node(join(root, "node_modules/@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."),
  ],
  ["types", () => spawnSync(process.execPath, [bin("tsc"), "-p", "."], { cwd: root, stdio: "inherit" }).status === 0],
];
let passed = 0;
let failed = 0;
if (filters.length === 0) {
  for (const [name, check] of checks) {
    const isGood = check();
    process.stdout.write(`${isGood ? "ok" : "FAILED"}: ${name}\n`);
    if (isGood) passed += 1;
    else failed += 1;
  }
}
const isGreen = node(
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...filters,
);
let counts = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0 };
try {
  counts = JSON.parse(readFileSync(report, "utf8"));
} catch {
  process.stdout.write("FAILED: the test runner wrote no report\n");
}
rmSync(scratch, { recursive: true, force: true });
passed += counts.numPassedTests;
failed += counts.numFailedTests;
if (!isGreen && counts.numFailedTests === 0) failed += 1;
const skipped = counts.numPendingTests + counts.numTodoTests;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exit(failed === 0 ? 0 : 1);
