/** The port inventory of a switch over the API: from a long walk, and when its SNMP agent is dead. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Aoss, type AossOptions, startAoss } from "../../lab/aoss.ts";
import { instanceOf } from "../kit/aoss.ts";
import { type Caller, callerOf } from "../kit/caller.ts";
import { type Reply, type System, startSystem, until } from "../kit/system.ts";

const walk = join(import.meta.dirname, "../../../shared/data/aruba-snmp/procurve_e2910.snmprec");
/** What the manifest allows for a dead agent, and what the command line takes on top. */
const longestMs = 15_000;

interface Inventory {
  readonly items: readonly { readonly external_id: string; readonly attrs: Readonly<Record<string, unknown>> }[];
  readonly code?: string;
}

describe("the port inventory", () => {
  let system: System;
  let caller: Caller;
  const labs: Aoss[] = [];

  const start = async (options: AossOptions = {}): Promise<Aoss> => {
    const lab = await startAoss(options);
    labs.push(lab);
    return lab;
  };
  const add = (name: string, lab: Aoss, changes: object = {}): Promise<string> => {
    const { config, secrets } = instanceOf(lab);
    return caller.addInstance("com.aruba.aoss", name, { ...config, ...changes }, secrets);
  };
  const read = (instance: string, query: string): Promise<Reply<Inventory>> =>
    system.call("GET", `/api/integrations/instances/${instance}/inventory?type=port&${query}`, undefined, {
      prefer: "wait=50",
    });
  const refresh = (instance: string): Promise<Reply<Inventory>> => read(instance, "refresh=true&active_only=false");
  const timed = async (instance: string): Promise<{ answer: Reply<Inventory>; ms: number }> => {
    const from = performance.now();
    const answer = await refresh(instance);
    return { answer, ms: performance.now() - from };
  };
  /** Of all refreshes: beside the one that was asked for a scheduled one may run. */
  const toldOf = async (instance: string): Promise<string> => {
    const query = `kind=instance.refresh_inventory&instance_id=${instance}`;
    const { body } = await system.call<{ items: { id: string }[] }>("GET", `/api/jobs?${query}`);
    const headers = { accept: "application/json" };
    const events = body.items.map(({ id }) => system.call("GET", `/api/jobs/${id}/events`, undefined, headers));
    return JSON.stringify((await Promise.all(events)).map((answer) => answer.body));
  };

  beforeAll(async () => {
    system = await startSystem();
    caller = callerOf(system);
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/com.aruba.aoss");
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await Promise.all(labs.map((lab) => lab.close()));
  }, 60_000);

  it.skipIf(!existsSync(walk))(
    "of a recorded agent with 3,500 objects holds its ports and nothing else",
    async () => {
      const instance = await add("recorded", await start({ walk: readFileSync(walk, "utf8") }));
      const { body } = await refresh(instance);
      expect(body.items).toHaveLength(24);
      expect(body.items.find(({ external_id }) => external_id === "24")?.attrs).toMatchObject({
        link: "up",
        neighbour: "switch-name",
        source: "snmp",
      });
    },
    60_000,
  );

  it("is refreshed with all else within twenty seconds when the agent is dead: it is waited for once", async () => {
    const lab = await start();
    const instance = await add("silent in all", lab);
    lab.setSnmpAway(true);
    const from = performance.now();
    const { status, body } = await system.call<{ result: { by_type: object } }>(
      "POST",
      `/api/integrations/instances/${instance}/inventory/refresh`,
      {},
      { prefer: "wait=60" },
    );
    expect([status, performance.now() - from < 20_000]).toEqual([200, true]);
    expect(body.result.by_type).toMatchObject({ port: { count: 28 }, stack_member: {}, system: { count: 1 } });
  }, 60_000);

  it("is read over ssh within fifteen seconds when the agent is dead, and the job says why", async () => {
    const lab = await start();
    const instance = await add("silent agent", lab);
    lab.setSnmpAway(true);
    const { answer, ms } = await timed(instance);
    expect(ms).toBeLessThan(longestMs);
    expect(answer.body.items).toHaveLength(28);
    expect(new Set(answer.body.items.map(({ attrs }) => attrs["source"]))).toEqual(new Set(["cli"]));
    expect(await toldOf(instance)).toMatch(/The ports are read over ssh: .*no SNMP answer/);
  }, 60_000);

  it("that neither way can read fails by name within fifteen seconds, keeps what was known, and comes back", async () => {
    const lab = await start();
    const instance = await add("all dead", lab);
    expect((await refresh(instance)).body.items).toHaveLength(28);
    lab.setSnmpAway(true);
    const path = `/api/integrations/instances/${instance}`;
    const { config } = instanceOf(lab);
    await system.call("PATCH", path, { config: { ...config, ssh_port: 1 } });
    const { answer, ms } = await timed(instance);
    expect(ms).toBeLessThan(longestMs);
    expect(answer).toMatchObject({ status: 502, body: { code: "connection_refused" } });

    const kept = await read(instance, "cached_only=true&active_only=false");
    expect(kept.body.items).toHaveLength(28);
    lab.setSnmpAway(false);
    expect((await refresh(instance)).body.items).toHaveLength(28);
  }, 90_000);
});
