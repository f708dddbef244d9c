/** Where a pack is run by its author: real sandboxes, and one call of a driver's method after the other. */
import { fileURLToPath } from "node:url";
import { silentLog } from "../log.ts";
import type { SandboxLevel } from "../model/integration-type.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { withDefaults } from "../model/schema-defaults.ts";
import { createPool, type SandboxPool } from "../sandbox/pool.ts";
import { probeSandbox } from "../sandbox/probe.ts";
import type { DriverEvent } from "../sdk/driver.ts";
import type { Door, Session } from "../transports/contract.ts";
import { failureOf } from "../transports/failure-of.ts";
import type { PackAtHand } from "./pack.ts";

export interface Stage {
  readonly level: SandboxLevel;
  readonly pool: SandboxPool;
  close(): Promise<void>;
}

const megabyte = 1024 * 1024;

/** Sandboxes as a worker has them. */
export const openStage = async (options: { readonly now: () => number }): Promise<Stage> => {
  const nodePath = process.execPath;
  const { level } = await probeSandbox({ nodePath });
  const sdkDir = fileURLToPath(new URL("../sdk", import.meta.url));
  const pool = createPool({
    ...{ now: options.now, log: silentLog, nodePath, level, sdkDir },
    ...{ maxProcesses: 4, idleMs: 30_000, memoryCapBytes: 256 * megabyte },
  });
  return { level, pool, close: () => pool.close() };
};

/** One call of a driver's method, and the door its questions go to. */
export interface StagedCall {
  readonly pack: PackAtHand;
  readonly session: Session;
  readonly config: JsonObject;
  readonly door: Door;
  readonly method: string;
  readonly args: JsonObject;
  onEvent?(event: DriverEvent): void;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly graceMs?: number;
}

const shut = async (door: Door): Promise<void> => {
  door.close();
  await door.settled();
};

const releaseOf = ({ digest, folder, manifest, language }: PackAtHand) => ({
  ...{ digest, dir: folder, entrypoint: manifest.driver.entrypoint, language },
});

const fiveMinutesMs = 300_000;

/** @throws SwitchyardError what a job would fail with. */
export const callDriver = async ({ pool }: Stage, asked: StagedCall): Promise<Json> => {
  const { pack, session, door, method, args, signal } = asked;
  const config = withDefaults(pack.manifest.schema.connection, asked.config);
  const request = {
    release: releaseOf(pack),
    instanceId: "ins_authoring",
    instance: { instance_id: "ins_authoring", type_id: pack.manifest.id, name: pack.manifest.name },
    ...{ method, args, config, signal },
    secrets: session.handles,
    // Nothing was kept by an earlier job.
    ask: async (op: string, given: unknown) => (op === "artifact.last" ? null : door.ask(op, given)),
    onEvent: (event: DriverEvent) => asked.onEvent?.(event),
    timeoutMs: asked.timeoutMs ?? fiveMinutesMs,
    graceMs: asked.graceMs ?? 5_000,
    keepWarm: true,
  };
  try {
    const value = await pool.call(request).finally(() => shut(door));
    if (!door.refusal) return value;
  } catch (thrown) {
    if (!door.refusal) throw failureOf(door, thrown);
  }
  throw door.refusal;
};
