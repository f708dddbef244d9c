/** Faults of the store: locked by somebody else, without room, or restarted. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { missingPostgres } from "../../kit/postgres.ts";
import { type Fault, onPostgres, onSmallDisk, onSqlite } from "../kit/fault.ts";
import { missingSmallDisk } from "../kit/small-disk.ts";

const holder = join(import.meta.dirname, "..", "..", "kit", "store-child.ts");

/** Begins to write as soon as nobody else does. */
const holdFile = async (path: string): Promise<{ letGo(): Promise<void> }> => {
  for (;;) {
    const child = spawn(process.execPath, [holder, "hold", path], { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(child, "exit");
    const isHeld = await Promise.race([once(child.stdout, "data").then(() => true), ended.then(() => false)]);
    if (!isHeld) continue;
    const letGo = async (): Promise<void> => {
      child.stdin.write("go");
      await ended;
    };
    return { letGo };
  }
};

const locked: Fault = {
  name: "SQLite locked by another process",
  shape: onSqlite,
  async strike({ system }, { pace }) {
    const held = await holdFile(join(system.dataDir, "switchyard.db"));
    await pause(pace.lockedMs);
    await held.letGo();
  },
};

/** A tmpfs of fixed size under the data folder: database, append-only file, uploads and releases find no room. */
const full: Fault = {
  name: "disk full",
  shape: onSmallDisk,
  missing: missingSmallDisk,
  async strike({ disk }, { pace }) {
    disk?.fill();
    await pause(pace.fullMs);
    disk?.empty();
  },
};

const restarted: Fault = {
  name: "PostgreSQL restarted",
  shape: onPostgres,
  missing: missingPostgres,
  async strike({ postgres }) {
    await postgres?.restart();
  },
};

export const storeFaults: readonly Fault[] = [locked, full, restarted];
