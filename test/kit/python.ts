/** Drivers in Python for tests: whether they can run here, and a pool with one of them. */
import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { findInterpreter, isRecentPython } from "../../src/packs/interpreter.ts";
import type { PoolDeps, SandboxCall } from "../../src/sandbox/pool.ts";
import { testableLevels } from "./levels.ts";
import { isStrict } from "./program.ts";
import { type Bench, openBench } from "./sandbox.ts";

/** Another Python than the machine's own, to see that drivers run on it as well. */
const asked = process.env["SWITCHYARD_TEST_PYTHON"];

/** `python3` is a link to the one whose name tells the version. */
const interpreterAt = (path: string) => {
  const real = realpathSync(path);
  return { path: real, version: basename(real).replace("python", "") };
};

const found = asked === undefined ? findInterpreter() : interpreterAt(asked);

/** What a whole system runs drivers in Python with, to ask it what it has. */
export const pythonPath: string = findInterpreter()?.path ?? "python3";

/** The first folder on the way to it, which a sandbox has to show. */
export const interpreterRoot = found?.path.split("/")[1] ?? "usr";

/** They need bubblewrap, which is a kernel's matter, and Python, which a strict run must have. */
export const canRunPython: boolean =
  (await testableLevels()).includes("full") && (isStrict || (found !== undefined && isRecentPython(found)));

/** A pool and one pack whose driver is `driver:D`, in Python. */
export const openPythonBench = async (
  files: Readonly<Record<string, string>>,
  changes: Partial<PoolDeps> = {},
): Promise<Bench> => {
  const bench = await openBench("full", files, asked === undefined ? changes : { interpreter: found!, ...changes });
  const release = { digest: "digest", dir: bench.dir, entrypoint: "driver:D", language: "python" } as const;
  const instance = { instance_id: "ins_1", type_id: "acme.lamp", name: "lamp" };
  return {
    ...bench,
    call: (method, args = {}, more: Partial<SandboxCall> = {}) =>
      bench.call(method, args, { release, instance, ...more }),
  };
};
