/** A whole Switchyard for a test: its own data folder, a free port, and hands to kill its parts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AnswerCheck, answerCheck, type SeenAnswer } from "./answers.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Reply<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface SseLine {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export interface System {
  readonly dataDir: string;
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  output(): string;
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply<T>>;
  /** Follows a job's events from a number on; reconnects until `job.done` when asked. */
  watch(jobId: string, options?: { after?: number; reconnect?: boolean; signal?: AbortSignal }): Promise<SseLine[]>;
  /** The pids of the processes with this title below the supervisor (`switchyard-worker` ...; also `redis-server`). */
  pids(title: string): number[];
  kill(title: string, signal?: NodeJS.Signals): number[];
  /** SIGTERM, waits for the end, keeps the data folder. */
  stop(): Promise<number | null>;
  /** Starts again on the same data folder. */
  restart(): Promise<void>;
  /** Ends everything and removes the data folder. */
  dispose(): Promise<void>;
}

export interface SystemOptions {
  readonly lab?: boolean;
  readonly env?: Record<string, string>;
  readonly dataDir?: string;
  /** A command that starts the system's own, which is given to it as its last arguments. */
  readonly around?: readonly string[];
}

const until = async <T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  timeoutMs = 30_000,
): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
};

export { until };

const statOf = (pid: number): { parent: number; title: string } | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const title = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    return { parent, title };
  } catch {
    return null;
  }
};

/** Every process below this one, as the kernel sees it now; none below a system that is not running. */
export const descendants = (ancestor: number): { pid: number; title: string }[] => {
  // Below 0 is everything on the machine.
  if (ancestor <= 1) return [];
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(Number(name));
      return stat === null ? [] : [{ pid: Number(name), ...stat }];
    });
  const below = new Set([ancestor]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent } of all) {
      if (!below.has(parent) || below.has(pid)) continue;
      below.add(pid);
      grew = true;
    }
  }
  return all.filter(({ pid }) => pid !== ancestor && below.has(pid));
};

const parseBlock = (block: string): SseLine | null => {
  const fields = new Map(
    block
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const data = fields.get("data");
  if (data === undefined) return null;
  return { id: Number(fields.get("id")), event: fields.get("event") ?? "", data: JSON.parse(data) };
};

/** Reads one event stream to its end (or its break). */
export async function* readStream(response: Response): AsyncGenerator<SseLine> {
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const line = parseBlock(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (line) yield line;
    }
  }
}

interface Watching {
  readonly after?: number;
  readonly reconnect?: boolean;
  readonly signal?: AbortSignal;
}

const readOnce = async (
  system: Pick<System, "url" | "token">,
  jobId: string,
  lines: SseLine[],
  { after = 0, signal }: Watching,
): Promise<void> => {
  const response = await fetch(`${system.url}/api/jobs/${jobId}/events`, {
    headers: {
      authorization: `Bearer ${system.token}`,
      accept: "text/event-stream",
      "last-event-id": String(lines.at(-1)?.id ?? after),
    },
    ...(signal ? { signal } : {}),
  });
  if (!response.ok) throw new Error(`the stream answered ${response.status}`);
  for await (const line of readStream(response)) lines.push(line);
};

const follow = async (
  system: Pick<System, "url" | "token">,
  jobId: string,
  watching: Watching = {},
): Promise<SseLine[]> => {
  const lines: SseLine[] = [];
  const isOver = (): boolean => lines.at(-1)?.event === "job.done";
  const mayGoOn = watching.reconnect ?? true;
  do {
    await readOnce(system, jobId, lines, watching).catch((error: unknown) => {
      if (!mayGoOn || watching.signal?.aborted) throw error;
    });
    if (!isOver()) await new Promise((resolve) => setTimeout(resolve, 50));
  } while (mayGoOn && !isOver());
  return lines;
};

export const startSystem = async (options: SystemOptions = {}): Promise<System> => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "sw-"));
  let child: ChildProcess | null = null;
  let output = "";
  let url = "";

  const start = async (): Promise<void> => {
    rmSync(join(dataDir, "url"), { force: true });
    const own = ["--disable-warning=ExperimentalWarning", "src/main.ts", ...(options.lab ? ["--lab"] : [])];
    const [program = "", ...args] = [...(options.around ?? []), process.execPath, ...own];
    const started = spawn(program, args, {
      cwd: root,
      env: {
        ...process.env,
        SWITCHYARD_DATA: dataDir,
        SWITCHYARD_PORT: "0",
        SWITCHYARD_LOG: "warn",
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    started.stdout.on("data", (chunk) => {
      output += String(chunk);
    });
    started.stderr.on("data", (chunk) => {
      output += String(chunk);
    });
    const look = async (): Promise<string | undefined> => {
      if (started.exitCode !== null) throw new Error(`the system ended with ${started.exitCode}:\n${output}`);
      if (!existsSync(join(dataDir, "url"))) return undefined;
      const address = readFileSync(join(dataDir, "url"), "utf8").trim();
      const ready = await fetch(`${address}/readyz`).catch(() => undefined);
      return ready?.ok ? address : undefined;
    };
    url = await until(look, "the system to be ready", 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}; it said:\n${output}`);
    });
    if (options.lab)
      await until(() => (/^Lab: .*connected$/m.test(output) ? true : undefined), "the lab's instance", 60_000);
  };

  const stop = async (): Promise<number | null> => {
    const running = child;
    child = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return running?.exitCode ?? null;
    const exited = once(running, "exit");
    running.kill("SIGTERM");
    const killer = setTimeout(() => running.kill("SIGKILL"), 25_000);
    await exited;
    clearTimeout(killer);
    return running.exitCode;
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  let check: AnswerCheck | undefined;
  /** Every answer that a test sees is held against what the document promises. */
  const holdToDocument = async (seen: Omit<SeenAnswer, "type"> & { headers: Headers }): Promise<void> => {
    const type = seen.headers.get("content-type") ?? "";
    check ??= answerCheck((await (await fetch(`${url}/api/openapi.json`)).json()) as Record<string, unknown>);
    const faults = seen.body === null ? [] : check({ ...seen, type });
    if (faults.length > 0) throw new Error(`The answer is not as documented: ${faults.join("; ")}`);
  };
  const system: System = {
    dataDir,
    get url() {
      return url;
    },
    get token() {
      return readFileSync(join(dataDir, "admin.token"), "utf8").trim();
    },
    get pid() {
      return child?.pid ?? 0;
    },
    output: () => output,
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${system.token}`,
          ...(body === undefined || body instanceof FormData ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const answer = {
        status: response.status,
        headers: response.headers,
        body: text === "" ? null : JSON.parse(text),
      };
      await holdToDocument({ method, path: path.split("?")[0] ?? "", ...answer });
      return answer;
    },
    watch: (jobId, watching) => follow(system, jobId, watching),
    pids: (title) =>
      descendants(system.pid)
        .filter((found) => found.title.startsWith(title))
        .map(({ pid }) => pid),
    kill(title, signal = "SIGKILL") {
      const pids = system.pids(title);
      for (const pid of pids) process.kill(pid, signal);
      return pids;
    },
    stop,
    restart: start,
    async dispose() {
      const below = descendants(system.pid);
      await stop();
      for (const { pid } of below) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself.
        }
      }
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return system;
};
