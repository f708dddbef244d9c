/** A process of ours that is kept running: started again with backoff when it dies, stopped in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { settingExitCode } from "../config.ts";
import type { Log } from "../log.ts";

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Asked at each start: what was learned meanwhile goes into the next one. */
  environment(): Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Once aborted, a process that ends was told so by somebody else and is not started again. */
  readonly stop: AbortSignal;
  onMessage(message: unknown): void;
  /** A setting is wrong, it said so and ended before it ever told us anything: it is not started again. */
  onRefused?(): void;
}

export interface Child {
  readonly pid: number | undefined;
  /** SIGTERM, then SIGKILL when it has not ended in time. Never started again. */
  stop(graceMs: number): Promise<void>;
}

const firstDelayMs = 200;
const longestDelayMs = 10_000;
/** A process that lived this long failed for a reason of its own: the delay starts anew. */
const steadyMs = 30_000;

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once("exit", () => resolve()));

export const keepRunning = (options: ChildOptions): Child => {
  const { name, command, environment, log, stop, onMessage, onRefused } = options;
  let wasHeard = false;
  let current: ChildProcess | null = null;
  let isStopping = false;
  let delayMs = firstDelayMs;
  let timer: NodeJS.Timeout | undefined;

  const start = (): void => {
    const [program, ...args] = command;
    const startedAt = performance.now();
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env: environment() });
    current = child;
    child.on("message", (message) => {
      wasHeard = true;
      onMessage(message);
    });
    child.on("error", (error) => log.error({ err: error, child: name }, "a process could not be started"));
    child.on("exit", (code, signal) => {
      if (isStopping || stop.aborted) return;
      if (code === settingExitCode && !wasHeard && onRefused) return onRefused();
      if (performance.now() - startedAt > steadyMs) delayMs = firstDelayMs;
      log.error({ child: name, code, signal, restart_in_ms: delayMs }, "a process ended and is started again");
      timer = setTimeout(start, delayMs);
      delayMs = Math.min(longestDelayMs, delayMs * 2);
    });
  };
  start();
  return {
    get pid() {
      return current?.pid;
    },
    async stop(graceMs) {
      isStopping = true;
      clearTimeout(timer);
      const child = current;
      if (!child || child.exitCode !== null) return;
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await ended(child);
      clearTimeout(killer);
    },
  };
};

/** In a child: whether it has a supervisor; tells it something; ends when it is gone, also when it went before. */
export const parent = {
  isThere: process.send !== undefined,
  tell: (message: object): void => void process.send?.(message),
  onGone: (end: () => void): void => {
    if (parent.isThere && !process.connected) end();
    else process.once("disconnect", end);
  },
};
