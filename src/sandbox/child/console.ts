/** Whatever a driver prints becomes lines in its job's log; nothing of it reaches the line to the runner as such. */
import { util } from "./builtins.ts";

type Level = "debug" | "info" | "warn" | "error";
type Say = (level: Level, message: string) => void;

const levels: Readonly<Record<string, Level>> = {
  debug: "debug",
  log: "info",
  info: "info",
  dir: "info",
  table: "info",
  warn: "warn",
  error: "error",
  trace: "debug",
};

const streamOf = (level: Level, say: Say) => ({
  isTTY: false,
  writable: true,
  write: (chunk: unknown): boolean => {
    say(level, String(chunk).replace(/\n$/, ""));
    return true;
  },
  end: () => undefined,
  on: () => undefined,
  once: () => undefined,
  emit: () => false,
});

/** Replaces the console and the standard streams. */
export const redirectOutput = (say: Say): void => {
  const own = Object.fromEntries(
    Object.entries(levels).map(([name, level]) => [name, (...parts: unknown[]) => say(level, util.format(...parts))]),
  );
  Object.assign(console, own);
  Object.defineProperty(process, "stdout", { value: streamOf("info", say), configurable: true });
  Object.defineProperty(process, "stderr", { value: streamOf("warn", say), configurable: true });
};
