/** A running system with one simulated device behind it, for tests of actions: started and ended with the test file. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type Answer, type Asked, type Caller, callerOf } from "./caller.ts";
import { type PowerDevice, powerId, powerPack, powerToken, startPowerDevice } from "./power-device.ts";
import { type System, type SystemOptions, startSystem } from "./system.ts";

export interface PlanView {
  readonly plan_id: string;
  readonly plan_hash: string;
  readonly expires_at: string;
  readonly ok: boolean;
  readonly pinned: boolean;
}

export interface PowerBench {
  readonly system: System;
  readonly caller: Caller;
  readonly device: PowerDevice;
  readonly instance: string;
  /** A machine that no other test uses. */
  fresh(): string;
  act(asked: Asked, options?: Parameters<Caller["act"]>[2]): Promise<Answer>;
  planOf(asked: Asked): Promise<PlanView>;
  /** Requests that this test made the device see. */
  seen(): PowerDevice["seen"];
  writes(): string[];
  send(method: string, path: string, body?: object): Promise<Answer>;
  undo(id: string, body?: object): Promise<Answer>;
  /** Another instance of the same device. */
  add(name: string): Promise<string>;
}

/** Call it at the top of a test file; what it gives works inside of tests. */
export const usePowerBench = (options: SystemOptions = {}): PowerBench => {
  const parts: { system?: System; device?: PowerDevice; caller?: Caller; instance?: string } = {};
  let before = 0;
  let lastTarget = 0;
  const of = <K extends keyof typeof parts>(name: K): NonNullable<(typeof parts)[K]> => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the bench has no ${name} yet`);
    return part;
  };
  const bench: PowerBench = {
    get system() {
      return of("system");
    },
    get caller() {
      return of("caller");
    },
    get device() {
      return of("device");
    },
    get instance() {
      return of("instance");
    },
    fresh() {
      lastTarget += 1;
      return `m${lastTarget}`;
    },
    act: (asked, more) => bench.caller.act(bench.instance, asked, more),
    async planOf(asked) {
      const { status, body } = await bench.act({ ...asked, dry_run: true });
      if (status !== 200) throw new Error(`there is no plan: ${JSON.stringify(body)}`);
      return body.result as unknown as PlanView;
    },
    seen: () => bench.device.seen.slice(before),
    writes: () => bench.device.writes(before),
    send: (method, path, body) => bench.system.call(method, path, body, { prefer: "wait=30" }),
    undo: (id, body = {}) => bench.send("POST", `/api/jobs/${id}/undo`, body),
    add: (name) =>
      bench.caller.addInstance(powerId, name, { host: "127.0.0.1", port: bench.device.port }, { token: powerToken }),
  };
  beforeAll(async () => {
    parts.device = await startPowerDevice();
    parts.system = await startSystem(options);
    parts.caller = callerOf(parts.system);
    await parts.caller.install(powerPack());
    parts.instance = await bench.add("device");
  }, 90_000);
  afterAll(async () => {
    await parts.system?.dispose();
    await parts.device?.close();
  }, 60_000);
  beforeEach(() => {
    before = bench.device.seen.length;
  });
  return bench;
};
