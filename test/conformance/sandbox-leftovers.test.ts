/** What a killed runner leaves of its sandboxes: the next one ends and removes it, and nothing of who lives. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ownIdentity } from "../../src/sandbox/process-identity.ts";
import { createStaging } from "../../src/sandbox/staging.ts";

const sdkDir = join(import.meta.dirname, "..", "..", "src", "sdk");
const folders: string[] = [];
const started: ChildProcess[] = [];
/** Other runners of this machine clear up where all have their folders. */
beforeEach(() => {
  const own = mkdtempSync(join(tmpdir(), "sw-leftovers-"));
  folders.push(own);
  vi.stubEnv("TMPDIR", own);
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of started.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const folderOf = (owner: object): string => {
  const dir = mkdtempSync(join(tmpdir(), "switchyard-sandbox-"));
  folders.push(dir);
  mkdirSync(join(dir, "host"));
  writeFileSync(join(dir, "owner.json"), JSON.stringify(owner));
  return dir;
};
/** A process in a group of its own that waits for ever, with something of that folder among its arguments. */
const waitingIn = async (dir: string): Promise<ChildProcess> => {
  const script = "process.send('up'); setInterval(() => undefined, 1000)";
  const child = spawn(process.execPath, ["-e", script, `${dir}/host`], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  started.push(child);
  await once(child, "message");
  return child;
};

test("a sandbox that its dead runner left in the making is ended with its folder, one of a living runner is not", async () => {
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const [left, living] = [folderOf({ ...ownIdentity(), pid: gone }), folderOf(ownIdentity())];
  const [orphan, sandbox] = [await waitingIn(left), await waitingIn(living)];
  const ended = once(orphan, "exit");
  const staging = createStaging(sdkDir);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect([existsSync(left), existsSync(living), sandbox.exitCode, sandbox.signalCode]).toEqual([
    false,
    true,
    null,
    null,
  ]);
  staging.remove();
});
