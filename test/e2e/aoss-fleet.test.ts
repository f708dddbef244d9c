/** The shipped switch integration as a fleet: over ssh and SNMP at once, read in the background, by connections that outlive sandboxes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Aoss, startAoss } from "../../lab/aoss.ts";
import { instanceOf } from "../kit/aoss.ts";
import { type Caller, callerOf, type JobView } from "../kit/caller.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const type = "lab.aoss";
const shipped = join(import.meta.dirname, "..", "..", "integrations", "com.aruba.aoss");
const [standalone, mute, dead] = [0, 2, 5];
const count = 6;

/** The shipped pack under another name, read more often: nothing else of it is changed. */
const writePack = (packsDir: string): void => {
  const dir = join(packsDir, type);
  cpSync(shipped, dir, { recursive: true });
  const path = join(dir, "plugin.yaml");
  const own = readFileSync(path, "utf8")
    .replace("id: com.aruba.aoss", `id: ${type}`)
    .replace("ssh: { timeout_s: 30, port: 22 }", "ssh: { timeout_s: 20, port: 22 }")
    .replace("snmp: { timeout_s: 5, retries: 1 }", "snmp: { timeout_s: 3, retries: 1 }")
    .replace(
      "heartbeat_interval_s: 60",
      "heartbeat_interval_s: 0\n  inventory_refresh_interval_s: 5\n  inventory_ttl_s: 5",
    );
  writeFileSync(path, own);
};

describe("a fleet of the shipped integration", () => {
  const dir = mkdtempSync(join(tmpdir(), "sw-aoss-fleet-"));
  const instances: string[] = [];
  let system: System;
  let caller: Caller;
  let switches: readonly Aoss[];

  const jobsOf = async (index: number, state: string): Promise<readonly JobView[]> => {
    const path = `/api/jobs?kind=instance.refresh_inventory&state=${state}&instance_id=${instances[index]}&limit=500`;
    return (await system.call<{ items: JobView[] }>("GET", path)).body.items;
  };
  const timesRead = async (index: number): Promise<number> => (await jobsOf(index, "succeeded")).length;
  /** The background has read each of these so often since now. */
  const untilReadAgain = async (indexes: readonly number[], times: number): Promise<void> => {
    const goals = await Promise.all(indexes.map(async (index) => ({ index, goal: times + (await timesRead(index)) })));
    for (const { index, goal } of goals) {
      const isRead = async () => ((await timesRead(index)) >= goal ? true : undefined);
      await until(isRead, `switch ${index} to be read`, 60_000);
    }
  };
  const portsOf = async (index: number): Promise<readonly { external_id: string }[]> => {
    const path = `/api/integrations/instances/${instances[index]}/inventory?type=port&active_only=false&cached_only=true`;
    return (await system.call<{ items: { external_id: string }[] }>("GET", path)).body.items;
  };
  const living = Array.from({ length: count }, (_, index) => index).filter((index) => index !== dead);

  beforeAll(async () => {
    writePack(dir);
    const hosts = Array.from({ length: count }, (_, index) => `127.12.0.${index + 1}`);
    [system, switches] = await Promise.all([
      startSystem({ env: { SWITCHYARD_PACKS_DIR: dir } }),
      Promise.all(hosts.map((host, index) => startAoss({ host, kind: index % 2 === 0 ? "standalone" : "stack" }))),
    ]);
    switches[mute]?.setSnmpAway(true);
    caller = callerOf(system);
    await until(async () => {
      const { body } = await system.call("GET", `/api/integrations/types/${type}`);
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    for (const [index, device] of switches.entries()) {
      const { config, secrets } = instanceOf(device);
      if (index === dead) await device.close();
      instances.push(await caller.addInstance(type, `switch ${index}`, config, secrets));
    }
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await Promise.all((switches ?? []).filter((_, index) => index !== dead).map((device) => device.close()));
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it("is read by the background, also where SNMP is silent, and a dead switch fails alone", async () => {
    await untilReadAgain(living, 1);
    for (const index of living) {
      const names = switches[index]?.state.ports.map(({ name }) => name);
      expect((await portsOf(index)).map(({ external_id: id }) => id)).toEqual(names);
    }
    const failed = await until(async () => (await jobsOf(dead, "failed"))[0], "the dead switch to be found dead");
    expect(failed).toMatchObject({ error: { code: "connection_refused" } });
    for (const index of living) expect(await jobsOf(index, "failed")).toEqual([]);
  }, 120_000);

  it("reads on over the connection it has, also in new sandboxes", async () => {
    expect(switches[standalone]?.connections()).toBe(1);
    // What runs in the background ends its sandbox each time: one is there while a switch is read.
    const killed = await until(() => {
      const pids = system.kill("switchyard-sandbox");
      return pids.length > 0 ? pids : undefined;
    }, "a sandbox to kill");
    await untilReadAgain(living, 2);
    expect(system.pids("switchyard-sandbox").filter((pid) => killed.includes(pid))).toEqual([]);
    for (const index of living) expect([index, switches[index]?.connections()]).toEqual([index, 1]);
  }, 120_000);
});
