/** One sandbox process: started, spoken to, and ended with everything that belongs to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Duplex, Readable } from "node:stream";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import { createFrameReader } from "./frames.ts";
import type { Command } from "./limits.ts";
import type { MemoryWatch } from "./memory.ts";
import { createFlow, decodeMessage, ProtocolFault } from "./messages.ts";
import { place } from "./priority.ts";
import type { FromSandbox, ToSandbox } from "./wire.ts";
import { createWriter, type HeldBytes, type Writer } from "./writer.ts";

export interface HostListener {
  /** On whose behalf: for the log. */
  readonly facts?: object | undefined;
  onMessage(message: FromSandbox): void;
  /** The process is gone or about to be; nothing comes after this. */
  onGone(error: SwitchyardError): void;
}

export interface Host {
  /** Whoever has the host's attention; null while it is idle. */
  listen(listener: HostListener | null): void;
  send(message: ToSandbox): void;
  /** SIGKILL for the process and its group; the listener hears `error`. */
  kill(error: SwitchyardError): void;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
}

interface HostDeps {
  readonly log: Log;
  readonly command: Command;
  /** The last one of its kind wore something out. */
  readonly isSuspect: boolean;
  readonly memory: MemoryWatch;
  readonly memoryCapBytes: number;
  readonly now: () => number;
  readonly held?: HeldBytes | undefined;
  /** Called once, when the host can take no more calls. */
  readonly onGone: (reason: SwitchyardError) => void;
  /** Called when it listens. */
  readonly onReady: () => void;
}

/** What comes in the name of another call is dropped, after it was read. */
const largestStray = 64 * 1024;

const tailLength = 4096;

const start = ({ file, args, inherited = [] }: Command): ChildProcess => {
  const opened = inherited.map((path) => openSync(path, "r"));
  try {
    const stdio = ["ignore", "ignore", "pipe", "pipe", ...opened] as const;
    return spawn(file, args, { env: {}, cwd: "/", detached: true, stdio: [...stdio] });
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
};

const keepTail = (stream: Readable): (() => string) => {
  let tail = "";
  stream.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("latin1")).slice(-tailLength);
  });
  stream.on("error", () => undefined);
  return () => tail;
};

/** Bubblewrap stays between: the process that holds the memory is its child. */
const innermost = (pid: number): number => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return children === "" ? pid : innermost(Number(children.split(" ", 1)[0]));
  } catch {
    return pid;
  }
};

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was gone already.
  }
};

export const outOfMemory = (capBytes: number): SwitchyardError =>
  new SwitchyardError("sandbox_out_of_memory", {
    detail: `The driver used more than the ${Math.round(capBytes / 1_048_576)} MiB that a sandbox may; let it ask the device for less at once.`,
  });

const crashed = (code: number | null, signal: string | null): SwitchyardError =>
  new SwitchyardError("sandbox_crashed", {
    detail: `The sandbox ended by itself (${signal === null ? `exit code ${code}` : `signal ${signal}`}) before the driver answered.`,
  });

/** A driver that was called may have been given a secret, and what it writes past its console is looked at by nobody. */
const shownTail = (tail: string, wasCalled: boolean): object =>
  wasCalled ? { stderr_bytes: tail.length } : { stderr: tail };

const exitError = (code: number | null, signal: string | null, tail: string, capBytes: number): SwitchyardError =>
  /out of memory|Allocation failed/.test(tail) ? outOfMemory(capBytes) : crashed(code, signal);

const faultError = (thrown: unknown): SwitchyardError => {
  if (thrown instanceof ProtocolFault && thrown.isAnswer) {
    return new SwitchyardError("response_invalid", {
      detail: `The driver's answer was not usable: ${thrown.message}.`,
      errors: [{ pointer: "", message: thrown.message }],
    });
  }
  const message = thrown instanceof Error ? thrown.message : "The sandbox broke the protocol.";
  return new SwitchyardError("driver_failed", { detail: `The sandbox was ended: ${message}` });
};

interface LineEnds {
  readonly writer: Writer;
  take(message: FromSandbox, bytes: number): void;
  fault(thrown: unknown): void;
}

const readFrom = (line: Duplex, now: () => number, { writer, take, fault }: LineEnds): void => {
  const flow = createFlow(now);
  const reader = createFrameReader((body) => {
    flow.count(1, body.length);
    const since = now();
    const message = decodeMessage(body);
    flow.work(now() - since);
    take(message, body.length);
  });
  const resume = (): void => {
    if (writer.isFull) line.once("drain", resume);
    else line.resume();
  };
  line.on("data", (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (thrown) {
      fault(thrown);
      return;
    }
    const debt = flow.debtMs();
    if (debt === 0 && !writer.isFull) return;
    line.pause();
    setTimeout(resume, debt).unref();
  });
};

/** Starts the process. Messages may be sent at once: they wait in the line until it listens. */
export const startHost = (deps: HostDeps): Host => {
  const child = start(deps.command);
  const line = child.stdio[3] as Duplex;
  const tail = keepTail(child.stderr as Readable);
  const ended = Promise.withResolvers<void>();
  let listener: HostListener | null = null;
  let isGone = false;
  let wasCalled = false;
  let isMet = false;
  let openCall: string | null = null;
  let inner = child.pid ?? 0;
  if (inner > 0) place(inner, deps.isSuspect);

  const go = (error: SwitchyardError): void => {
    if (isGone) return;
    isGone = true;
    writer.close();
    deps.memory.forget(inner);
    deps.onGone(error);
    listener?.onGone(error);
    listener = null;
  };
  const kill = (error: SwitchyardError): void => {
    if (!isGone && child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      if (inner !== child.pid) killQuietly(inner);
      killQuietly(-child.pid);
    }
    line.destroy();
    go(error);
  };
  const writer = createWriter({ line, held: deps.held, onStuck: (error) => kill(error) });
  const meet = (): void => {
    if (isMet) throw new ProtocolFault("The sandbox said twice that it listens.");
    isMet = true;
    inner = innermost(inner);
    deps.onReady();
    deps.memory.watch(inner, deps.isSuspect, () => kill(outOfMemory(deps.memoryCapBytes)));
  };
  const take = (message: FromSandbox, bytes: number): void => {
    if (isGone) return;
    if (bytes > largestStray && "id" in message && message.id !== openCall) {
      throw new ProtocolFault("The sandbox sent a large message in the name of a call that it does not work on.");
    }
    if (message.t === "ready") meet();
    else if (message.t === "bye") kill(crashed(message.code, null));
    else listener?.onMessage(message);
  };

  readFrom(line, deps.now, { writer, take, fault: (thrown) => kill(faultError(thrown)) });
  child.on("error", (error) => {
    go(new SwitchyardError("sandbox_crashed", { detail: "The sandbox could not be started.", cause: error }));
    ended.resolve();
  });
  child.on("close", (code, signal) => {
    const facts = { ...listener?.facts, code, signal, ...shownTail(tail(), wasCalled) };
    if (!isGone) deps.log.warn(facts, "a sandbox ended by itself");
    go(exitError(code, signal, tail(), deps.memoryCapBytes));
    ended.resolve();
  });
  return {
    listen: (next) => {
      listener = next;
      if (next === null) openCall = null;
    },
    send: (message) => {
      wasCalled ||= message.t === "call";
      if (message.t === "call" || message.t === "inspect") openCall = message.id;
      if (!isGone) writer.send(message);
    },
    kill,
    ended: ended.promise,
  };
};
