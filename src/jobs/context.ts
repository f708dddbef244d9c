/** What a handler gets: its job and everything it may do, handed in. */
import type { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { EventLevel, SystemEvent } from "../model/event.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType, Language, PackFile, SandboxLevel } from "../model/integration-type.ts";
import type { InventoryPayload } from "../model/inventory.ts";
import type { Job, JobError, SettledState } from "../model/job.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { JournalEntry, Step } from "../model/plan.ts";
import type { TargetRef } from "../model/target.ts";
import type { Waypoint } from "../model/waypoint.ts";
import type { SignaturePolicy } from "../packs/signature.ts";
import type { Store } from "../store/store.ts";
import type { SubjectRows } from "../store/subject.ts";
import type { Unit } from "../store/unit.ts";
import type { JobKind } from "./catalog.ts";

/** What one driver call may do at its device. */
export interface CallRights {
  readonly mode: "read" | "apply" | "free";
  /** Capability and verb of an action: they choose `writes[]`. */
  readonly capability?: string;
  readonly verb?: string;
  readonly target?: TargetRef;
  /** The plan's steps, for `apply`. */
  readonly steps?: readonly Step[];
  /** What earlier attempts sent. */
  readonly journal?: readonly JournalEntry[];
}

/** What came of a driver call, and how far it got in the plan. */
export interface CallOutcome {
  readonly value: Json;
  readonly stepsDone: number;
  readonly stepsLeft: number;
  /** The answer that ended the plan early; a driver may have overlooked it. */
  readonly failedStep: SwitchyardError | null;
}

/** A driver, reached through the sandbox; its requests go through the runner's transports. */
export interface DriverHandle {
  /** Calls a driver method once. Throws the door's refusal, else the driver's error. */
  call(method: string, args: JsonObject, rights: CallRights): Promise<CallOutcome>;
  /** Brings a driver's proposed steps into the form that is stored and sent; refuses what `writes[]` does not name. */
  normaliseSteps(steps: unknown, rights: CallRights): readonly Step[];
  preview(steps: readonly Step[]): readonly string[];
  /** The driver's words as people may read them: secrets by name. */
  redact<T extends Json>(value: T): T;
  /** One read of the runner itself (the manifest's `test` block): `http.request`, `tcp.open` ... */
  ask(op: string, args: JsonObject): Promise<Json>;
  readonly sandboxLevel: SandboxLevel;
}

/** What a driver module offers, found out inside the sandbox. */
export interface DriverSurface {
  /** Method name to its number of declared parameters. */
  readonly methods: Readonly<Record<string, number>>;
  readonly handles: Readonly<Record<string, { verbs?: readonly string[]; targets?: readonly string[] }>> | null;
  /** Set when the module could not be loaded; `file` and `line` point into the author's source. */
  readonly importError: { readonly message: string; readonly file?: string; readonly line?: number } | null;
  /** Of a driver in Python: what is wrong with a method's parameters. */
  readonly signatures?: Readonly<Record<string, string>>;
}

/** The pack side of the worker: releases on disk and what is in them. */
export interface ReleaseShelf {
  /** Makes a release's content ready to be run from disk, taking it from the store when this worker lacks it. */
  ready(digest: string): Promise<void>;
  /** Lays files out without a release in the store: for checking a pack before it is installed. Answers the digest. */
  stage(files: readonly PackFile[]): Promise<string>;
  /** Loads the driver module in a sandbox and looks at it. */
  inspect(digest: string, entrypoint: string, language: Language): Promise<DriverSurface>;
  /** What `<path> --version` tells behind a sandbox's walls; null when it tells nothing in time. */
  programVersion(path: string, level: SandboxLevel): Promise<string | null>;
  /** Removes what was staged and is not a release. */
  discard(digest: string): Promise<void>;
}

/** What concerns the runner itself: its master key and its store as a whole. */
export interface RunnerUpkeep {
  rotateKey(asked: { say(message: string): void; readonly signal: AbortSignal }): Promise<JsonObject>;
  /** Writes a backup of that name on this worker's machine; the result says which machine that is. */
  backUp(asked: { readonly name: string; readonly signal: AbortSignal }): Promise<JsonObject>;
  /** A support bundle, as a zip file, and the names of what is in it. */
  bundle(): Promise<{ readonly bytes: Uint8Array; readonly files: readonly string[] }>;
}

/** How a job ended: handed to the writes that settle with it. */
export interface Ending {
  readonly state: SettledState;
  readonly error: JobError | null;
  readonly at: number;
}

export interface JobContext {
  readonly job: Job;
  /** The instance that the job is about, and its type, as they were when it was claimed; absent without an instance. */
  readonly claimed: SubjectRows | undefined;
  readonly store: Store;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly coreVersion: string;
  readonly packsDir: string;
  readonly minSandbox: SandboxLevel;
  /** Whose signatures count, and whether a pack needs one. */
  readonly signatures: SignaturePolicy;
  /** The level this worker's sandboxes reach. */
  readonly sandboxLevel: SandboxLevel;
  readonly shelf: ReleaseShelf;
  readonly upkeep: RunnerUpkeep;
  /** Records one event; output is redacted and numbered by the job's stream. */
  emit(phase: string, level: EventLevel, message: string, meta?: JsonObject): void;
  progress(phase: string, message: string, percent?: number): void;
  driver(instance: Instance, type: IntegrationType): Promise<DriverHandle>;
  /** Whether this job was given the same secret parameters, with the same values, as another. */
  hasSecretParamsOf(other: Pick<Job, "id" | "sealedInput">): boolean;
  /** Puts another job on the queue, through admission, as the system. */
  enqueue(kind: JobKind, input: JsonObject, reason: string): Promise<Job>;
  /** Writes that become true together with the job's settlement, whatever it is. */
  onSettle(unit: (ending: Ending) => Unit<void>): void;
  /**
   * What is done once the settlement is durable and before the locks are given up: announcements, copies for readers,
   * schedules. Must be repeatable.
   */
  afterSettle(action: (ending: Ending) => Promise<void>): void;
  /** The same, but the locks do not wait for it: only `job.done` does. */
  beforeDone(action: (ending: Ending) => Promise<void>): void;
  /** Says to everybody who watches that a type or an instance changed. */
  announce(event: SystemEvent): Promise<void>;
  /** Stands for what readers have of an instance until it is outdated. */
  inventoryEra(instanceId: string): Promise<string>;
  /** A fresh copy of a payload for the readers; none when it was asked for in an earlier era. */
  cacheInventory(payload: InventoryPayload, era: string): Promise<void>;
  /** What readers have of an instance's inventory is stale from now on: its device was written to. */
  outdateInventory(instanceId: string): Promise<void>;
  /** Makes, changes or removes the schedules of an instance. */
  reschedule(instanceId: string): Promise<void>;
  /** Says how far the job has come, so that a test may stop it there. */
  pass(waypoint: Waypoint): Promise<void> | undefined;
  /** A scheduled job that changed nothing is kept for an hour only. */
  markRoutine(): void;
}

export type Handler = (context: JobContext) => Promise<Json>;
