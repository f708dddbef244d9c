/** A pool of real sandboxes and packs on disk for tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import type { SandboxLevel } from "../../src/model/integration-type.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import { createPool, type PoolDeps, type SandboxCall, type SandboxPool } from "../../src/sandbox/pool.ts";

export const sdkDir = fileURLToPath(new URL("../../src/sdk", import.meta.url));

/** Writes a pack's files into a fresh folder. */
const writePack = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), "pack-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return dir;
};

export interface Bench {
  readonly pool: SandboxPool;
  readonly dir: string;
  readonly events: unknown[];
  readonly asked: [string, unknown][];
  /** Another pack on disk, for as long as the bench. */
  writePack(files: Readonly<Record<string, string>>): Promise<string>;
  call(method: string, args?: JsonObject, changes?: Partial<SandboxCall>): Promise<Json>;
  close(): Promise<void>;
}

const poolDefaults = (level: SandboxLevel): PoolDeps => ({
  now: () => performance.now(),
  log: silentLog,
  nodePath: process.execPath,
  maxProcesses: 8,
  idleMs: 30_000,
  memoryCapBytes: 256 * 1024 * 1024,
  level,
  sdkDir,
});

/** A pool and one pack whose driver is `driver:D`. */
export const openBench = async (
  level: SandboxLevel,
  files: Readonly<Record<string, string>>,
  changes: Partial<PoolDeps> = {},
): Promise<Bench> => {
  const dir = await writePack(files);
  const folders = [dir];
  const pool = createPool({ ...poolDefaults(level), ...changes });
  const events: unknown[] = [];
  const asked: [string, unknown][] = [];
  return {
    pool,
    dir,
    events,
    asked,
    writePack: async (others) => {
      const folder = await writePack(others);
      folders.push(folder);
      return folder;
    },
    call: (method, args = {}, callChanges = {}) =>
      pool.call({
        release: { digest: "digest", dir, entrypoint: "driver:D" },
        instanceId: "ins_1",
        method,
        args,
        config: { host: "device" },
        secrets: { token: "handle-1" },
        ask: async (op, given) => {
          asked.push([op, given]);
          return { status: 200, headers: {}, body: "{}", latency_ms: 1 };
        },
        onEvent: (event) => events.push(event),
        timeoutMs: 10_000,
        signal: new AbortController().signal,
        graceMs: 200,
        keepWarm: true,
        ...callChanges,
      }),
    close: async () => {
      await pool.close();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
};

/** The SwitchyardError that a promise rejects with. */
export const failure = async (promise: Promise<unknown>): Promise<SwitchyardError> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SwitchyardError);
  return thrown as SwitchyardError;
};

/** Calls a method whose driver asks the runner many things side by side: its answer, and how many were open at most. */
export const mostAtOnce = async ({ call }: Bench, method: string): Promise<{ answer: Json; most: number }> => {
  let open = 0;
  let most = 0;
  const ask = async () => {
    open += 1;
    most = Math.max(most, open);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
    return { status: 200, headers: {}, body: "", latency_ms: 0 };
  };
  return { answer: await call(method, {}, { ask }), most };
};
