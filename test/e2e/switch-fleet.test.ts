/** Many switches that are read in the background: all of them are, each by one job at a time, and a dead one costs itself alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SwitchFleet, startSwitchFleet } from "../../lab/switch-fleet.ts";
import { type Caller, callerOf, type JobView } from "../kit/caller.ts";
import { portInstance, portType, writePortPack } from "../kit/port-pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const count = 60;
const dead = 7;
const schedule = { refreshSeconds: 6, heartbeatSeconds: 0, timeoutSeconds: 1, retries: 1 };
/** The agent is asked twice. */
const deadMs = 2_000;

interface Timed extends JobView {
  readonly subject: { readonly instance_id: string };
  readonly started_at: string;
  readonly finished_at: string;
}

const spanOf = ({ started_at, finished_at }: Timed): readonly [number, number] => [
  Date.parse(started_at),
  Date.parse(finished_at),
];

describe("a fleet of switches", () => {
  const dir = mkdtempSync(join(tmpdir(), "sw-fleet-"));
  let system: System;
  let caller: Caller;
  let fleet: SwitchFleet;
  const instances: string[] = [];

  const jobsOf = async (state: string): Promise<readonly Timed[]> => {
    const path = `/api/jobs?kind=instance.refresh_inventory&state=${state}&limit=500`;
    return (await system.call<{ items: Timed[] }>("GET", path)).body.items;
  };
  const byInstance = (jobs: readonly Timed[]) => Map.groupBy(jobs, ({ subject }) => subject.instance_id);
  const refresh = async (index: number): Promise<JobView> => {
    const path = `/api/integrations/instances/${instances[index]}/inventory/refresh`;
    return caller.settled((await system.call<JobView>("POST", path, {})).body.id);
  };

  beforeAll(async () => {
    writePortPack(dir, schedule);
    [system, fleet] = await Promise.all([
      startSystem({ env: { SWITCHYARD_PACKS_DIR: dir } }),
      startSwitchFleet({ count, network: 11 }),
    ]);
    fleet.setAway(dead, true);
    caller = callerOf(system);
    await until(async () => {
      const { body } = await system.call("GET", `/api/integrations/types/${portType}`);
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    for (const [index, device] of fleet.switches.entries()) {
      const { config, secrets } = portInstance(device, fleet.community);
      instances.push(await caller.addInstance(portType, `switch ${index}`, config, secrets));
    }
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await fleet?.close();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it("is read without anybody asking for it: every switch, all of its ports", async () => {
    const living = instances.filter((_, index) => index !== dead);
    await until(
      async () => {
        const read = byInstance(await jobsOf("succeeded"));
        return living.every((id) => read.has(id)) ? true : undefined;
      },
      "every switch that lives to be read",
      60_000,
    );
    for (const id of [living[0], living.at(-1)]) {
      const path = `/api/integrations/instances/${id}/inventory?type=port&active_only=false&cached_only=true`;
      const { body } = await system.call<{ items: unknown[] }>("GET", path);
      expect(body.items).toHaveLength(28);
    }
    expect(fleet.asked(dead)).toBeGreaterThan(0);
  }, 90_000);

  it("reads each switch by one job at a time, however many ask at once", async () => {
    const path = `/api/integrations/instances/${instances[3]}/inventory/refresh`;
    const asked = await Promise.all(Array.from({ length: 5 }, () => system.call<JobView>("POST", path, {})));
    expect(new Set(asked.map(({ body }) => body.id)).size).toBe(1);
    await caller.settled(asked[0]?.body.id ?? "");
    for (const jobs of byInstance(await jobsOf("succeeded")).values()) {
      const spans = jobs.map(spanOf).sort(([one], [other]) => one - other);
      for (const [at, [begin]] of spans.entries()) expect(begin).toBeGreaterThanOrEqual(spans[at - 1]?.[1] ?? 0);
    }
  }, 60_000);

  it("loses no more to a dead switch than that one's own time-out, and reads it again when it is back", async () => {
    // The first one waits in full; who is known to be silent is waited for less.
    const ofDead = async () =>
      byInstance(await jobsOf("failed"))
        .get(instances[dead] ?? "")
        ?.at(-1);
    const failed = await until(ofDead, "the dead switch to be found dead", 60_000);
    expect(failed).toMatchObject({ error: { code: "no_snmp_answer" } });
    const [begin, end] = spanOf(failed);
    expect(end - begin).toBeGreaterThanOrEqual(deadMs);
    const meanwhile = (await jobsOf("succeeded")).map(spanOf).filter(([from, to]) => from > begin && to < end);
    expect(meanwhile.length).toBeGreaterThan(3);
    const others = byInstance(await jobsOf("failed"));
    expect([...others.keys()]).toEqual([instances[dead]]);

    fleet.setAway(dead, false);
    // A job that began while it was dead may still be joined.
    await until(async () => ((await refresh(dead)).state === "succeeded" ? true : undefined), "the switch to be read");
  }, 90_000);
});
