/** Uploads that a killed API left half-way are gone when the next one starts; those of a living one stay. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openScratchFolder } from "../../src/roles/scratch-folder.ts";
import { nameOf, ownIdentity } from "../../src/sandbox/process-identity.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sw-scratch-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const startOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19] ?? "";

it("removes what a dead process left and keeps what a living one has", async () => {
  const { dir: own, remove } = openScratchFolder(dataDir);
  writeFileSync(join(own, "upload-1.part"), "half");
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const other = join(dataDir, "uploads", nameOf({ ...ownIdentity(), pid, startedAt: startOf(pid) }));
  mkdirSync(other);
  writeFileSync(join(other, "upload-2.part"), "half");

  expect(openScratchFolder(dataDir).dir).toBe(own);
  expect(readdirSync(other)).toEqual(["upload-2.part"]);
  child.kill("SIGKILL");
  await once(child, "exit");
  openScratchFolder(dataDir);
  expect(readdirSync(join(dataDir, "uploads"))).toEqual([own.split("/").at(-1)]);
  expect(readdirSync(own)).toEqual(["upload-1.part"]);
  remove();
  expect(readdirSync(join(dataDir, "uploads"))).toEqual([]);
});
