/** What a chaos round counts as left behind: processes of the system without a parent, and files that nobody will read. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownIdentity } from "../../src/sandbox/process-identity.ts";
import { leftovers, type Place, watchProcesses } from "./kit/belongings.ts";

let place: Place;
const children: ChildProcess[] = [];

/** A process that does nothing, below the test and not below the system. */
const start = async (env: Record<string, string> = {}): Promise<ChildProcess> => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1_000)"], { env, stdio: "ignore" });
  children.push(child);
  await once(child, "spawn");
  return child;
};
const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
};

beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), "sw-left-"));
  const dataDir = join(home, "data");
  for (const dir of [dataDir, join(home, "tmp"), join(dataDir, "uploads"), join(dataDir, "releases")]) mkdirSync(dir);
  place = { home, system: { dataDir, pid: (await start()).pid ?? 0 } };
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
  rmSync(place.home, { recursive: true, force: true });
});

describe("a process", () => {
  it("is an orphan when it was started for this system, lives, and stands below nobody, though no look met it", async () => {
    const watch = watchProcesses(place);
    try {
      expect(watch.orphans()).toEqual([]);
      const orphan = await start({ SWITCHYARD_DATA: place.system.dataDir });
      await start({ SWITCHYARD_DATA: "/of/another/system" });
      expect(watch.orphans()).toEqual([expect.stringContaining(`(${orphan.pid})`)]);
      await end(orphan);
      expect(watch.orphans()).toEqual([]);
    } finally {
      watch.stop();
    }
  });
});

describe("a file", () => {
  const folder = (name: string, owner?: object): void => {
    mkdirSync(join(place.home, "tmp", name));
    if (owner !== undefined) writeFileSync(join(place.home, "tmp", name, "owner.json"), JSON.stringify(owner));
  };

  it("is left behind when it lies in a temporary folder whose process is gone, or that names none", () => {
    folder("switchyard-sandbox-1", ownIdentity());
    expect(leftovers(place)).toEqual([]);
    folder("switchyard-sandbox-2", { ...ownIdentity(), startedAt: "7" });
    folder("switchyard-sandbox-3");
    expect(leftovers(place).sort()).toEqual(["tmp/switchyard-sandbox-2", "tmp/switchyard-sandbox-3"]);
  });

  it("is left behind when it is an upload of nobody, a release in the making, or a draft", () => {
    const { dataDir, pid } = place.system;
    mkdirSync(join(dataDir, "uploads", `${pid}-1-1`));
    mkdirSync(join(dataDir, "releases", "a".repeat(64)));
    expect(leftovers(place)).toEqual([]);
    mkdirSync(join(dataDir, "uploads", "4194304-1-1"));
    mkdirSync(join(dataDir, "releases", "half"));
    writeFileSync(join(dataDir, "master.key.12"), "");
    expect(leftovers(place).sort()).toEqual(["master.key.12", "releases/half", "uploads/4194304-1-1"]);
  });
});
