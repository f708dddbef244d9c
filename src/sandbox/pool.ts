/** The sandboxes of one worker: one process per release and instance, one call at a time, warm while they are used. */
import { randomUUID } from "node:crypto";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Language, SandboxLevel } from "../model/integration-type.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Interpreter } from "../packs/interpreter.ts";
import type { DriverEvent } from "../sdk/driver.ts";
import { cancelledBy, runCall } from "./call.ts";
import { createHosts, type Hosts, type TakenHost } from "./hosts.ts";
import { commandOf, findWalls } from "./limits.ts";
import { pythonCommand } from "./python/command.ts";
import { createStaging } from "./staging.ts";
import { type Surface, surfaceOf, unloadable } from "./surface.ts";
import type { InstanceNames } from "./wire.ts";
import type { HeldBytes } from "./writer.ts";

/** One call of a driver's method. */
export interface SandboxCall {
  readonly release: {
    readonly digest: string;
    readonly dir: string;
    readonly entrypoint: string;
    /** Default: node. */
    readonly language?: Language;
  };
  readonly instanceId: string;
  readonly method: string;
  readonly args: JsonObject;
  readonly config: JsonObject;
  /** Handles, never values. */
  readonly secrets: Readonly<Record<string, string>>;
  /** For drivers in Python. */
  readonly instance?: InstanceNames;
  /** Where the driver's questions go: the door of this call. */
  ask(op: string, args: unknown): Promise<unknown>;
  onEvent(event: DriverEvent): void;
  /** From now to the kill, waiting for a process included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** From the cancel to the kill. */
  readonly graceMs: number;
  /** What stands on a line of the log when the process breaks during the call. */
  readonly facts?: object;
  /** False: the process ends right after the call. */
  readonly keepWarm: boolean;
}

export interface SandboxPool {
  /**
   * Answers what the driver's method answered, as plain JSON. Throws timed_out, job_cancelled, sandbox_crashed,
   * sandbox_out_of_memory, response_invalid, sandbox_level_too_low, program_missing, what the transports refused, or the driver's own error.
   */
  call(request: SandboxCall): Promise<Json>;
  /** Loads a module in a process of its own and looks at it. What goes wrong there is in `importError`. */
  inspect(dir: string, entrypoint: string, timeoutMs: number, language?: Language): Promise<Surface>;
  /** The instance changed or is gone: no later call sees its processes. */
  endInstance(instanceId: string): void;
  /** The lease is lost: SIGKILL for all, now. */
  endAll(): void;
  stats(): { readonly processes: number; readonly busy: number };
  close(): Promise<void>;
}

export interface PoolDeps {
  readonly now: () => number;
  /** How long the runner had nothing to do so far, in ms; default: its event loop. */
  readonly restedMs?: () => number;
  /** Counts answers that sandboxes have not taken up yet; default: nobody does. */
  readonly held?: HeldBytes;
  readonly log: Log;
  readonly nodePath: string;
  readonly maxProcesses: number;
  readonly idleMs: number;
  readonly memoryCapBytes: number;
  readonly level: SandboxLevel;
  /** The folder of the sdk's sources. */
  readonly sdkDir: string;
  /** Runs drivers in Python; default: the one that this machine has. `null`: none. */
  readonly interpreter?: Interpreter | null;
  readonly metrics?: { sandboxStarted(level: string): void; sandboxKilled(reason: string): void };
  readonly signal?: AbortSignal;
}

const isNothing = { ask: () => Promise.reject(new SwitchyardError("driver_failed")), onEvent: () => undefined };

/** Why a sandbox ended that the runner itself put an end to. */
const byRunner = new Error("the worker may not go on with its jobs");

const leaseLost = (): SwitchyardError =>
  new SwitchyardError("sandbox_crashed", {
    detail: "The worker may not go on with its jobs and ended its sandboxes.",
    cause: byRunner,
  });

const isCrash = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && thrown.code === "sandbox_crashed" && thrown.cause !== byRunner;

/** Where a sandbox finds a release, and the command that starts it there. */
const createShelf = ({ sdkDir, level, nodePath, memoryCapBytes, interpreter }: PoolDeps) => {
  const staging = createStaging(sdkDir);
  const walls = findWalls(level, [nodePath, staging.dir]);
  const copies = new Map<string, Promise<string>>();
  const { dir: hostDir, entry, sdkIndex, pythonEntry, callFilter } = staging;

  const copy = (digest: string, dir: string): Promise<string> => {
    const made = copies.get(digest) ?? staging.copyRelease(dir);
    copies.set(digest, made);
    return made;
  };
  return {
    /** As another user a sandbox cannot walk into our data folder: it gets a copy that it can read. */
    readable: (digest: string, dir: string): string | Promise<string> => (walls.uid === null ? dir : copy(digest, dir)),
    /** @throws SwitchyardError `sandbox_level_too_low`, `program_missing` for a driver in Python. */
    command: (packDir: string, entrypoint: string, language: Language = "node") =>
      language === "node"
        ? commandOf(walls, { nodePath, packDir, hostDir, entry, sdkIndex, entrypoint }, memoryCapBytes)
        : pythonCommand(walls, { packDir, hostDir, pythonEntry, callFilter, entrypoint }, interpreter),
    forget: async (digest: string): Promise<void> => {
      const made = copies.get(digest);
      copies.delete(digest);
      if (made !== undefined) await staging.dropCopy(await made);
    },
    remove: staging.remove,
  };
};

type Shelf = ReturnType<typeof createShelf>;

const never = new AbortController().signal;

interface Inspection {
  readonly dir: string;
  readonly entrypoint: string;
  readonly timeoutMs: number;
  readonly language?: Language | undefined;
}

const inspectOnce = async (shelf: Shelf, hosts: Hosts, asked: Inspection) => {
  const key = `inspect ${randomUUID()}`;
  const { dir, entrypoint, timeoutMs, language } = asked;
  const place = await shelf.readable(key, dir);
  const command = () => shelf.command(place, entrypoint, language);
  const taken = await hosts.take({ key, instanceId: key, command }, never, timeoutMs);
  try {
    const opening = { t: "inspect" } as const;
    const terms = { opening, peer: isNothing, timeoutMs, leftMs: timeoutMs, signal: never, graceMs: 0 };
    return surfaceOf(await runCall(taken.host, terms));
  } finally {
    taken.giveBack(false);
    await shelf.forget(key);
  }
};

/** A process that somebody else killed says nothing of the pack: only one that ends twice is its fault. */
const inspectOn = async (shelf: Shelf, hosts: Hosts, asked: Inspection) => {
  const look = () => inspectOnce(shelf, hosts, asked);
  try {
    return await look().catch((thrown: unknown) => (isCrash(thrown) ? look() : Promise.reject(thrown)));
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return unloadable(thrown);
    throw thrown;
  }
};

/** A pool; processes are started when they are first needed. */
export const createPool = (deps: PoolDeps): SandboxPool => {
  const shelf = createShelf(deps);
  const hosts = createHosts(deps);

  const take = async ({ release, instanceId, signal, timeoutMs }: SandboxCall): Promise<TakenHost> => {
    const dir = await shelf.readable(release.digest, release.dir);
    const key = `${release.digest} ${release.entrypoint} ${instanceId}`;
    const { entrypoint, language } = release;
    const place = { key, instanceId, command: () => shelf.command(dir, entrypoint, language) };
    return hosts.take(place, signal, timeoutMs);
  };
  const call = async (request: SandboxCall): Promise<Json> => {
    const startedAt = deps.now();
    const { method, args, config, secrets, signal, graceMs, timeoutMs } = request;
    if (signal.aborted) throw cancelledBy(signal);
    const taken = await take(request);
    try {
      const leftMs = timeoutMs - (deps.now() - startedAt);
      const { facts, instance } = request;
      const opening = { t: "call", method, args, config, secrets, ...(instance && { instance }) } as const;
      return await runCall(taken.host, { opening, peer: request, timeoutMs, leftMs, signal, graceMs, facts });
    } finally {
      taken.giveBack(request.keepWarm);
    }
  };
  deps.signal?.addEventListener("abort", () => hosts.endAll(leaseLost()), { once: true });
  return {
    call,
    inspect: (dir, entrypoint, timeoutMs, language) =>
      inspectOn(shelf, hosts, { dir, entrypoint, timeoutMs, language }),
    endInstance: hosts.endInstance,
    endAll: () => hosts.endAll(leaseLost()),
    stats: hosts.stats,
    close: async () => {
      await hosts.close(leaseLost());
      shelf.remove();
    },
  };
};
