/** What lies in the data folder is looked at while other processes come and go. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { checkDataRights } from "../../src/roles/data-rights.ts";

const dataDir = mkdtempSync(join(tmpdir(), "sw-rights-"));
let other: ChildProcess | undefined;
afterEach(() => {
  other?.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
});

/** Opens and closes a database as a process that starts and ends does: its log appears and goes. */
const comesAndGoes = `
const { writeFileSync, unlinkSync } = require("node:fs");
const path = process.argv[1];
process.send("up");
for (;;) { writeFileSync(path, ""); unlinkSync(path); }
`;

test("a database's log that goes between two looks at it is no file that may not be used", async () => {
  const log = join(dataDir, "switchyard.db-wal");
  other = spawn(process.execPath, ["-e", comesAndGoes, log], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  await once(other, "message");
  const config = loadConfig({ SWITCHYARD_DATA: dataDir }, dataDir);
  for (let look = 0; look < 3_000; look += 1) checkDataRights(config);
  expect(other.exitCode).toBeNull();
});
