/** The ArubaOS-Switch driver reads a switch, by SNMP and by its command line, and says what is wrong with it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { labSecrets } from "../../lab/aoss.ts";
import { asTargets } from "../../src/model/dry-run.ts";
import type { Json } from "../../src/model/json.ts";
import type { Target } from "../../src/model/target.ts";
import { type AossDriver, detailsOf, listing, openAoss } from "../kit/aoss.ts";

const walks = join(import.meta.dirname, "../../../shared/data/aruba-snmp");
const hasWalks = existsSync(walks);
const walkOf = (name: string): string => readFileSync(join(walks, name), "utf8");

/** Nothing listens there. */
const withoutSnmp = { config: { snmp_port: 1 } };
const listed = async ({ driver }: AossDriver, type: string): Promise<readonly Target[]> =>
  asTargets((await driver.inventory_list(listing(type))) as unknown as Json, type);
const attrsOf = (targets: readonly Target[], id: string) =>
  targets.find(({ external_id }) => external_id === id)?.attrs;

describe("a connection", () => {
  it("is good when both ways answer, and names model and firmware", async () => {
    await using bench = await openAoss();
    expect(await bench.connect().driver.test_connection()).toMatchObject({
      status: "connected",
      message: "JL255A 2930F-24G-PoE+-4SFP+ Switch, WC.16.11.0012",
      details: { product: "JL255A", firmware: "WC.16.11.0012", snmp: true },
    });
  });

  it("is degraded without SNMP, and says that the community may be wrong", async () => {
    await using bench = await openAoss();
    const direct = bench.connect({ secrets: { snmp_community: "another-community" } });
    const result = await direct.driver.test_connection();
    expect(result).toMatchObject({ status: "degraded", details: { product: "JL255A", snmp: false } });
    expect(result.message).toContain("community");
  }, 30_000);

  it("is made by SNMPv3 too", async () => {
    await using bench = await openAoss({ kind: "stack" });
    const { v3 } = labSecrets;
    const direct = bench.connect({
      config: { snmp_user: v3.name },
      secrets: { snmp_auth_key: v3.authKey, snmp_priv_key: v3.privKey },
    });
    expect(await direct.driver.test_connection()).toMatchObject({ status: "connected" });
  });

  it("enables an operator, and refuses by name when the enable password is wrong", async () => {
    await using bench = await openAoss();
    const config = { username: labSecrets.operator.username };
    const password = labSecrets.operator.password;
    const good = bench.connect({ config, secrets: { password, enable_password: labSecrets.enable } });
    expect(await good.driver.test_connection()).toMatchObject({ status: "connected" });
    const bad = bench.connect({ config, secrets: { password, enable_password: "another-password" } });
    await expect(bad.driver.test_connection()).rejects.toMatchObject({
      code: "auth_failed",
      message: expect.stringContaining("enable password"),
    });
    expect(bench.lab.writes).toEqual([]);
  });

  it("refuses a wrong password, once", async () => {
    await using bench = await openAoss();
    const direct = bench.connect({ secrets: { password: "another-password" } });
    await expect(direct.driver.test_connection()).rejects.toMatchObject({ code: "auth_failed" });
    expect(bench.lab.connections()).toBe(1);
  });
});

describe.each(["standalone", "modular", "stack"] as const)("the inventory of a %s switch", (kind) => {
  it("has the same ports by SNMP and by the command line", async () => {
    await using bench = await openAoss({ kind });
    const direct = bench.connect({ config: { poe_watts: true } });
    const bySnmp = await listed(direct, "port");
    const byCli = await listed(bench.connect(withoutSnmp), "port");
    expect(bySnmp.map(({ external_id }) => external_id)).toEqual(bench.lab.state.ports.map(({ name }) => name));
    expect(byCli.map(({ external_id }) => external_id)).toEqual(bySnmp.map(({ external_id }) => external_id));
    for (const { external_id: id, attrs } of bySnmp) {
      const other = attrsOf(byCli, id);
      expect([id, attrs["source"], other?.["source"]]).toEqual([id, "snmp", "cli"]);
      for (const key of [
        "link",
        "admin",
        "speed_mbps",
        "poe_status",
        "poe_admin",
        "poe_priority",
        "poe_class",
        "poe_power_w",
        "neighbour",
      ])
        expect([id, key, attrs[key]]).toEqual([id, key, other?.[key]]);
    }
  }, 60_000);

  it.each(["if_index", "within_group"] as const)(
    "joins power to interfaces when ports are counted %s",
    async (poeCounting) => {
      await using bench = await openAoss({ kind, poeCounting });
      const last = bench.lab.state.ports.findLast(({ poe }) => poe !== null);
      if (last?.poe === null || last === undefined) throw new Error("Expected a PoE port.");
      last.poe.enabled = false;
      const ports = await listed(bench.connect(), "port");
      expect(ports.filter(({ attrs }) => attrs["poe_admin"] === "off").map(({ external_id }) => external_id)).toEqual([
        last.name,
      ]);
      expect(ports.filter(({ attrs }) => attrs["poe_admin"] === "on")).toHaveLength(
        bench.lab.state.ports.filter(({ poe }) => poe?.enabled).length,
      );
    },
  );
});

describe("the watts of the ports", () => {
  const joining = { config: { poe_watts: true } };

  it("are joined to the ports that SNMP lists, on every member of a stack, by one command more", async () => {
    await using bench = await openAoss({ kind: "stack" });
    const ports = await listed(bench.connect(joining), "port");
    expect(["1/1", "1/7", "2/1", "3/8", "3/9", "1/25"].map((id) => attrsOf(ports, id)?.["poe_power_w"])).toEqual([
      ...[3.2, 11.5, 3.2, 11.5, 0, undefined],
    ]);
    expect(bench.lab.typed.filter((line) => line.startsWith("show "))).toEqual(["show power-over-ethernet brief"]);
  });

  it("are not asked for where the instance says so", async () => {
    await using bench = await openAoss();
    const ports = await listed(bench.connect({ config: { poe_watts: false } }), "port");
    expect(ports.some(({ attrs }) => attrs["poe_power_w"] !== undefined)).toBe(false);
    expect(bench.lab.connections()).toBe(0);
  });

  it.each([
    ["its command line is away", { config: { poe_watts: true, ssh_port: 1 } }, /Nothing listens on/],
    ["its password is wrong", { ...joining, secrets: { password: "another-password" } }, /refused the login/],
    ["it has another host key", { config: { poe_watts: true, host_key_sha256: `SHA256:${"A".repeat(43)}` } }, /key/],
  ])("cost no port when %s, and the log says why they are absent", async (_, changes, why) => {
    await using bench = await openAoss();
    const direct = bench.connect(changes);
    const ports = await listed(direct, "port");
    expect(ports).toHaveLength(28);
    expect(ports.some(({ attrs }) => attrs["poe_power_w"] !== undefined)).toBe(false);
    expect(ports.filter(({ attrs }) => attrs["poe_status"] === "delivering")).toHaveLength(8);
    expect(JSON.stringify(direct.events)).toMatch(new RegExp(`The watts of the ports are not known: .*${why.source}`));
  });

  it("cost no port when the table of the command line is garbage", async () => {
    await using bench = await openAoss();
    bench.lab.faults.add({ kind: "garbage", command: "show power-over-ethernet brief" });
    const direct = bench.connect(joining);
    expect(await listed(direct, "port")).toHaveLength(28);
    expect(JSON.stringify(direct.events)).toContain("The watts of the ports are not known");
  });
});

describe("the inventory", () => {
  it("has the members of a stack and the system, and no members where there is no stack", async () => {
    await using stack = await openAoss({ kind: "stack" });
    const direct = stack.connect();
    expect(
      (await listed(direct, "stack_member")).map(({ external_id, attrs }) => [external_id, attrs["role"]]),
    ).toEqual([
      ["1", "commander"],
      ["2", "standby"],
      ["3", "member"],
    ]);
    expect(await listed(direct, "system")).toMatchObject([
      { external_id: "switch", name: "lab-stack", attrs: { members: 3, product: "JL255A" } },
    ]);
    await using single = await openAoss();
    expect(await listed(single.connect(), "stack_member")).toEqual([]);
  });

  it("comes over the command line when the agent is silent, within fifteen seconds", async () => {
    await using bench = await openAoss();
    bench.lab.setSnmpAway(true);
    const direct = bench.connect();
    const startedAt = performance.now();
    expect(await listed(direct, "port")).toHaveLength(28);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(JSON.stringify(direct.events)).toContain("The ports are read over ssh");
  }, 30_000);

  it("reports garbage by name, and lists nothing from it", async () => {
    await using bench = await openAoss();
    bench.lab.faults.add({ kind: "garbage", command: "interfaces brief" });
    await expect(listed(bench.connect(withoutSnmp), "port")).rejects.toMatchObject({
      code: "protocol_mismatch",
      message: expect.stringContaining("show interfaces brief"),
    });
  }, 30_000);
});

describe("health, power and contents", () => {
  it("are read, with both layouts of the power table", async () => {
    for (const layout of ["15.x", "16.x"] as const) {
      await using bench = await openAoss({ layout });
      const direct = bench.connect();
      expect(await detailsOf(direct, "switch.health")).toMatchObject({
        status: "ok",
        poe: [{ available_w: 370 }],
        power_supplies: [{ group: 1, status: "on", power_w: 370 }],
      });
      const poe = await detailsOf(direct, "poe.status");
      expect((poe["ports"] as Json[])[6]).toMatchObject({
        port: "7",
        state: "on",
        status: "delivering",
        power_class: 4,
        draw_w: 11.5,
      });
      expect(await detailsOf(direct, "switch.inventory")).toMatchObject({
        product: "JL255A",
        stack: "none",
        vlans: [{ id: 1, name: "DEFAULT_VLAN" }],
        neighbours: [{ port: "7" }, { port: "8" }, { port: "25", name: "core-1" }],
      });
    }
  });
});

describe.skipIf(!hasWalks)("recorded walks", () => {
  it("of a 2910al give its ports and no VLAN, trunk or loopback", async () => {
    await using bench = await openAoss({ walk: walkOf("procurve_e2910.snmprec") });
    const startedAt = performance.now();
    const ports = await listed(bench.connect(), "port");
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(ports).toHaveLength(24);
    expect(attrsOf(ports, "24")).toMatchObject({ neighbour: "switch-name", link: "up" });
    expect(attrsOf(ports, "3")).toMatchObject({ link: "up", speed_mbps: 100 });
    expect(attrsOf(ports, "2")).toMatchObject({ link: "down" });
  });

  it("of a 2530 give its ports although the agent tells few columns", async () => {
    await using bench = await openAoss({ walk: walkOf("procurve_nac.snmprec") });
    expect(await listed(bench.connect(), "port")).toHaveLength(52);
  });

  it.each([
    ["procurve_66.snmprec", /ProCurve 1800 series/],
    ["procurve_167-hp.snmprec", /smart-managed series/],
  ])("of %s are refused politely, before anything goes over ssh", async (file, what) => {
    await using bench = await openAoss({ walk: walkOf(file) });
    await expect(bench.connect().driver.test_connection()).rejects.toMatchObject({
      code: "protocol_mismatch",
      message: expect.stringMatching(what),
    });
    expect(bench.lab.connections()).toBe(0);
  });

  it("of a 2620 are recognised", async () => {
    await using bench = await openAoss({ walk: walkOf("procurve_131.snmprec") });
    expect(await bench.connect().driver.test_connection()).toMatchObject({ details: { product: "J9625A" } });
  });
});
