/** Runs a pack's own tests, in TypeScript and in Python, each kind in a process of its own. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { findInterpreter, isRecentPython, leastPython } from "../packs/interpreter.ts";
import type { PackAtHand } from "../recording/pack.ts";
import type { CheckBench } from "./check.ts";

export interface OwnTestsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

type Outcome = NonNullable<CheckBench["ownTests"]>;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** As `node:test` itself names what its children get: a test that runs these tests must not turn them into its own. */
const runnerContext = "NODE_TEST_CONTEXT";

/** Lines that say what went wrong. */
const faultsIn = (output: string): string => {
  const all = output.split("\n");
  const lines = all.flatMap((line, index) => {
    // A text of several lines begins on the next one.
    if (/^\s*error: [|>]-?$/.test(line)) return [`error: ${all[index + 1]?.trim() ?? ""}`];
    return /^\s*not ok |^\s*(?:error|code): /.test(line) ? [line] : [];
  });
  return (lines.length === 0 ? output.trim().split("\n").slice(-5) : lines.slice(0, 6))
    .map((line) => line.trim())
    .join("; ");
};

interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

const run = async (
  { program, args }: Command,
  { folder }: PackAtHand,
  { environment, signal }: OwnTestsOptions,
): Promise<Outcome> => {
  const { [runnerContext]: _, ...env } = environment;
  const child = spawn(program, args, { cwd: folder, env, signal, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { isGood: code === 0, detail: code === 0 ? "" : faultsIn(`${output}\n${errors}`) };
};

/** Files for Node's test runner. */
const runNode = async (files: readonly string[], pack: PackAtHand, options: OwnTestsOptions): Promise<Outcome> => {
  const flags = ["--disable-warning=ExperimentalWarning", "--import", here("./register.ts")];
  const args = [...flags, "--test", "--test-reporter=tap", ...files];
  return run({ program: process.execPath, args }, pack, options);
};

/** Files for Python's `unittest`. */
const runPython = async (files: readonly string[], pack: PackAtHand, options: OwnTestsOptions): Promise<Outcome> => {
  const python = findInterpreter();
  if (python === undefined || !isRecentPython(python)) {
    const detail = `its tests need Python ${leastPython} or newer, got ${python?.version ?? "none"}: install python3`;
    return { isGood: false, detail };
  }
  const program = here("./python-tests.py");
  const args = ["-B", "-X", "utf8", program, here("../sandbox/python/host.py"), pack.folder, ...files];
  return run({ program: python.path, args }, pack, options);
};

/** What others wrote and the pack only brings along has its tests elsewhere. */
const isBrought = (path: string): boolean => /^(?:vendor|lib|wheelhouse)\//.test(path);

/** Null when the pack has no tests. */
export const runOwnTests = async (pack: PackAtHand, options: OwnTestsOptions): Promise<CheckBench["ownTests"]> => {
  const paths = pack.files.map(({ path }) => path);
  const nodeTests = paths.filter((path) => /\.test\.m?[jt]s$/.test(path));
  const pythonTests =
    pack.language === "python" ? paths.filter((path) => /(?:^|\/)test_[^/]*\.py$/.test(path) && !isBrought(path)) : [];
  const outcomes: Outcome[] = [];
  if (nodeTests.length > 0) outcomes.push(await runNode(nodeTests, pack, options));
  if (pythonTests.length > 0) outcomes.push(await runPython(pythonTests, pack, options));
  if (outcomes.length === 0) return null;
  const details = outcomes.map(({ detail }) => detail).filter((detail) => detail !== "");
  return { isGood: outcomes.every(({ isGood }) => isGood), detail: details.join("; ") };
};
