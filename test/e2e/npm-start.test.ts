/** The command that the README begins with, ended as a service manager ends it: one signal, to npm alone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { createBelongings } from "../kit/process.ts";
import { descendants, until } from "../kit/system.ts";

const root = join(import.meta.dirname, "..", "..");
const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

it.each(["SIGTERM", "SIGINT"] as const)(
  "ends the whole system when npm alone gets %s, and says so at once",
  async (signal) => {
    const dataDir = own.folder();
    const env = { ...process.env, SWITCHYARD_DATA: dataDir, SWITCHYARD_PORT: "0" };
    const npm = spawn("npm", ["start"], { cwd: root, env, stdio: ["ignore", "pipe", "ignore"], detached: true });
    let said = "";
    npm.stdout.on("data", (chunk) => (said += String(chunk)));
    own.add(npm.pid ?? 0, (group) => {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // All of it has ended.
      }
    });
    await until(() => existsSync(join(dataDir, "url")) || undefined, "a system that listens", 60_000);
    const url = readFileSync(join(dataDir, "url"), "utf8").trim();
    await until(async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok || undefined, "readiness");
    const all = descendants(npm.pid ?? 0).map(({ pid }) => pid);
    expect(all.length).toBeGreaterThan(3);
    const ended = once(npm, "exit");
    npm.kill(signal);
    await until(() => said.includes("\nStopping: ") || undefined, "the line that it stops");
    await ended;
    await until(() => all.every((pid) => !existsSync(`/proc/${pid}`)) || undefined, "the end of all of it");
  },
  120_000,
);
