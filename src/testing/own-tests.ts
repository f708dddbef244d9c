/** Runs a pack's own tests, which are files for Node's test runner, in a process of their own. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { PackAtHand } from "../recording/pack.ts";
import type { CheckBench } from "./check.ts";

export interface OwnTestsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

const register = fileURLToPath(new URL("./register.ts", import.meta.url));
/** As `node:test` itself names what its children get: a test that runs these tests must not turn them into its own. */
const runnerContext = "NODE_TEST_CONTEXT";

const testFiles = ({ files }: PackAtHand): readonly string[] =>
  files.map(({ path }) => path).filter((path) => /\.test\.m?[jt]s$/.test(path));

/** Lines that say what went wrong. */
const faultsIn = (output: string): string => {
  const lines = output.split("\n").filter((line) => /^\s*not ok |^\s*(?:error|code): /.test(line));
  return (lines.length === 0 ? output.trim().split("\n").slice(-5) : lines.slice(0, 6))
    .map((line) => line.trim())
    .join("; ");
};

/** Null when the pack has no tests. */
export const runOwnTests = async (
  pack: PackAtHand,
  { environment, signal }: OwnTestsOptions,
): Promise<CheckBench["ownTests"]> => {
  const files = testFiles(pack);
  if (files.length === 0) return null;
  const { [runnerContext]: _, ...env } = environment;
  const args = [
    "--disable-warning=ExperimentalWarning",
    "--import",
    register,
    "--test",
    "--test-reporter=tap",
    ...files,
  ];
  const child = spawn(process.execPath, args, { cwd: pack.folder, env, signal, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { isGood: code === 0, detail: code === 0 ? "" : faultsIn(`${output}\n${errors}`) };
};
