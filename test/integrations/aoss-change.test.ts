/** The ArubaOS-Switch driver plans changes, sends exactly what it planned, and reads back what came of it. */
import { describe, expect, it } from "vitest";
import { labSecrets } from "../../lab/aoss.ts";
import type { DryRunResult } from "../../src/model/plan.ts";
import {
  type AossCall,
  applied,
  applyPlan,
  netInterface,
  onSwitch,
  openAoss,
  planned,
  poePort,
  poePriority,
} from "../kit/aoss.ts";

const three = "1/9-1/11,2/9,3/20-3/21";
const six = ["1/9", "1/10", "1/11", "2/9", "3/20", "3/21"];
const failed = ({ preconditions }: DryRunResult): string[] =>
  preconditions.filter(({ ok }) => !ok).map(({ check }) => check);
const commandsOf = ({ plan }: DryRunResult): unknown[] =>
  plan.steps.map((step) => (step as { commands?: unknown }).commands);

describe("power of ports", () => {
  it("of three ranges changes three ranges: what is planned is sent, and nothing else is switched", async () => {
    await using bench = await openAoss({ kind: "stack" });
    const direct = bench.connect();
    const plan = await planned(direct, poePort(three, "off"));
    expect(plan).toMatchObject({ ok: true, severity: "warn" });
    expect(commandsOf(plan)).toEqual([["configure", `interface ${three}`, "no power-over-ethernet", "end"]]);
    expect(plan.effects.per_target).toEqual(six.map((id) => ({ id, from: { state: "on" }, to: { state: "off" } })));
    expect(bench.lab.writes).toEqual([]);
    const result = await applyPlan(direct, poePort(three, "off"), plan);
    expect(result.effects?.per_target).toEqual(plan.effects.per_target);
    expect(bench.lab.writes).toEqual([`${six.join(",")}: no power-over-ethernet`]);
    expect(bench.lab.state.ports.filter(({ poe }) => poe?.enabled === false).map(({ name }) => name)).toEqual(six);
    await applied(direct, poePort(three, "on"));
    expect(bench.lab.state.ports.filter(({ poe }) => poe?.enabled === false)).toEqual([]);
  });

  it("is cycled in two steps with a pause between them", async () => {
    await using bench = await openAoss();
    const facts = poePort("1-2", "cycle", { off_s: 1 });
    const direct = bench.connect();
    const plan = await planned(direct, facts);
    expect(commandsOf(plan)).toEqual([
      ["configure", "interface 1-2", "no power-over-ethernet", "end"],
      ["configure", "interface 1-2", "power-over-ethernet", "end"],
    ]);
    const startedAt = performance.now();
    await applyPlan(direct, facts, plan);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000);
    expect(bench.lab.writes).toEqual(["1,2: no power-over-ethernet", "1,2: power-over-ethernet"]);
  });

  it("is not cycled where it is off, and its priority is not set there either", async () => {
    await using bench = await openAoss();
    const poe = bench.port("3").poe;
    if (poe !== null) poe.enabled = false;
    const direct = bench.connect();
    expect(failed(await planned(direct, poePort("1-4", "cycle")))).toEqual(["state"]);
    expect(failed(await planned(direct, poePriority("3", "high")))).toEqual(["state"]);
  });

  it("that is as it shall be needs no step", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    const result = await applied(direct, poePort("1-4", "on"));
    expect(result.effects?.per_target).toHaveLength(4);
    expect(bench.lab.typed.filter((line) => !/^(?:show |no page)/.test(line))).toEqual([]);
  });

  it("has priorities", async () => {
    await using bench = await openAoss({ kind: "modular", layout: "15.x" });
    const result = await applied(bench.connect(), poePriority("A1-A2,B3", "critical"));
    expect(result.effects?.per_target).toEqual(
      ["A1", "A2", "B3"].map((id) => ({ id, from: { level: "low" }, to: { level: "critical" } })),
    );
    expect(bench.port("B3").poe?.priority).toBe("critical");
  });

  it.each([
    ["1/1-2/4", /runs across members/],
    ["1/25", /no PoE port 1\/25; it has 1\/1-1\/24/],
    ["9/1", /no PoE port 9\/1/],
    ["1/1;reload", /neither a port nor a range/],
  ])("of %s is refused, with the reason", async (ports, reason) => {
    await using bench = await openAoss({ kind: "stack" });
    await expect(planned(bench.connect(), poePort(ports, "off"))).rejects.toMatchObject({
      code: "target_not_found",
      message: expect.stringMatching(reason),
    });
  });
});

describe("protected ports", () => {
  it.each([
    ["25", /the switch core-1 is behind it.*ssh session of 10\.20\.0\.5/],
    ["27", /trunk Trk1/],
    ["20-26", /25: the switch core-1/],
  ])("%s: block a port from being shut, and may be overridden", async (ports, why) => {
    await using bench = await openAoss();
    const direct = bench.connect();
    const plan = await planned(direct, netInterface(ports, "down"));
    expect(failed(plan)).toEqual(["not_protected"]);
    expect(plan.reason).toMatch(why);
    expect(await planned(direct, netInterface(ports, "down", { override_protection: true }))).toMatchObject({
      ok: true,
      severity: "warn",
    });
    expect(failed(await planned(direct, netInterface(ports, "up")))).toEqual([]);
  });

  it("are those that the instance names as well, for power too", async () => {
    await using bench = await openAoss();
    const direct = bench.connect({ config: { protected_ports: "1-2" } });
    const plan = await planned(direct, poePort("2-3", "off"));
    expect(failed(plan)).toEqual(["not_protected"]);
    expect(plan.reason).toContain("2: the instance names it as protected");
    expect(failed(await planned(direct, poePort("3", "off")))).toEqual([]);
  });

  it("are none where an access point hangs, although it calls itself a bridge", async () => {
    await using bench = await openAoss();
    expect(failed(await planned(bench.connect(), netInterface("7-8", "down")))).toEqual([]);
  });

  it("cannot be told when the way in is not known: then a port is not shut, and power is with a note", async () => {
    await using bench = await openAoss();
    bench.lab.faults.add({ kind: "refuse", command: "show ip ssh" });
    const direct = bench.connect();
    expect(failed(await planned(direct, netInterface("5", "down")))).toEqual(["way_in_known"]);
    const power = await planned(direct, poePort("5", "off"));
    expect(failed(power)).toEqual([]);
    expect(power.plan.notes?.join()).toContain("The way into the switch is not known");
  });
});

describe("ports", () => {
  it("are shut and opened", async () => {
    await using bench = await openAoss({ kind: "modular" });
    const direct = bench.connect();
    await applied(direct, netInterface("A3-A4,B10", "down"));
    expect(bench.lab.state.ports.filter(({ admin }) => !admin).map(({ name }) => name)).toEqual(["A3", "A4", "B10"]);
    await applied(direct, netInterface("A3-A4,B10", "up"));
    expect(bench.lab.state.ports.every(({ admin }) => admin)).toBe(true);
  });
});

describe("the configuration", () => {
  it("is saved once, and not again while nothing changed", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    await applied(direct, netInterface("5", "down"));
    const plan = await planned(direct, onSwitch("switch.config", "save"));
    expect(plan.effects.per_target).toEqual([{ id: "switch", from: "unsaved", to: "saved" }]);
    await applyPlan(direct, onSwitch("switch.config", "save"), plan);
    expect(bench.lab.writes.at(-1)).toBe("write memory");
    expect((await planned(direct, onSwitch("switch.config", "save"))).plan.steps).toEqual([]);
  });

  it("is kept whole as an artifact", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    const result = await applied(direct, onSwitch("switch.config", "backup"));
    expect(result.details).toMatchObject({ first: true });
    const [artifact] = direct.events.filter(({ kind }) => kind === "artifact");
    const text = artifact?.kind === "artifact" ? Buffer.from(artifact.base64, "base64").toString() : "";
    expect(text).toMatch(/^; JL255A Configuration Editor; Created on release #WC\.16\.11\.0012\n/);
    expect(text).toMatch(/vlan 1\n {3}name "DEFAULT_VLAN"\n[^#]*exit\n$/);
  });

  it("is compared with the last one that was kept", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    const backup = onSwitch("switch.config", "backup");
    await applied(direct, backup);
    expect((await applied(direct, backup)).details).toMatchObject({
      first: false,
      changed: false,
      added: 0,
      removed: 0,
    });
    await applied(direct, netInterface("5-6", "down"));
    expect((await applied(direct, backup)).details).toMatchObject({ changed: true, added: 6, removed: 0 });
    const diff = direct.events.findLast((event) => event.kind === "artifact" && event.name === "changes.diff");
    const text = diff?.kind === "artifact" ? Buffer.from(diff.base64, "base64").toString() : "";
    expect(text).toContain("+ interface 5\n+    disable\n+    exit\n+ interface 6\n+    disable\n+    exit\n");
    expect(text.split("\n").length).toBeLessThan(14);
  });

  it("is not kept when it is none", async () => {
    await using bench = await openAoss();
    bench.lab.faults.add({ kind: "garbage", command: "running-config" });
    const direct = bench.connect();
    await expect(applied(direct, onSwitch("switch.config", "backup"))).rejects.toMatchObject({
      code: "protocol_mismatch",
    });
    expect(direct.events.filter(({ kind }) => kind === "artifact")).toEqual([]);
  });
});

describe("a switch that misbehaves", () => {
  const off = poePort("1-4", "off");
  const attempt = async (
    fault: Parameters<Awaited<ReturnType<typeof openAoss>>["lab"]["faults"]["add"]>[0],
    facts: AossCall = off,
  ) => {
    await using bench = await openAoss();
    const direct = bench.connect({ config: { timeout_s: 3 } });
    const plan = await planned(direct, facts);
    bench.lab.faults.add(fault);
    const error = await applyPlan(direct, facts, plan).then(
      () => null,
      (thrown: { code?: string; message: string }) => thrown,
    );
    return { error, bench: { writes: [...bench.lab.writes] } };
  };

  it("and does not take the command leaves its ports as they were", async () => {
    const { error, bench } = await attempt({ kind: "refuse", command: "interface" });
    expect(error).toMatchObject({ code: "device_error" });
    expect(bench.writes).toEqual([]);
  });

  it("and hangs up in the middle of it is said to be unknown, or sent again because it may be", async () => {
    const { error } = await attempt({ kind: "close", command: "no power-over-ethernet", after: true });
    expect(error).toMatchObject({ code: "device_error", message: expect.stringContaining("closed the connection") });
  });

  it.each([
    ["pages for ever", "pages", /response_too_large|response_timeout/],
    ["sends fifty megabytes", "flood", /response_too_large|response_timeout/],
    ["says nothing", "silent", /response_timeout/],
    ["prints garbage", "garbage", /protocol_mismatch/],
    ["hangs up", "close", /device_error/],
    ["does not know the command", "refuse", /device_error/],
  ] as const)(
    "and %s where it is read is told by name, and nothing is written",
    async (_, kind, codes) => {
      await using bench = await openAoss();
      bench.lab.faults.add({ kind, command: "power-over-ethernet brief" });
      const direct = bench.connect({ config: { timeout_s: 3 } });
      await expect(planned(direct, off)).rejects.toMatchObject({ code: expect.stringMatching(codes) });
      expect(bench.lab.writes).toEqual([]);
      bench.lab.faults.clear();
      expect(await planned(direct, off)).toMatchObject({ ok: true });
    },
    90_000,
  );

  it("and colours its output is read as if it did not", async () => {
    await using bench = await openAoss();
    bench.lab.faults.add({ kind: "control" });
    expect(await planned(bench.connect(), off)).toMatchObject({ ok: true });
  });

  it("and takes the commands without doing anything is found out", async () => {
    const { error } = await attempt({ kind: "control", command: "no power-over-ethernet" });
    expect(error).toMatchObject({
      code: "device_error",
      message: expect.stringContaining("is not what was asked for"),
    });
  });

  it("pages a long answer for an operator who may not switch that off", async () => {
    await using bench = await openAoss();
    const direct = bench.connect({
      config: { username: labSecrets.operator.username },
      secrets: { password: labSecrets.operator.password, enable_password: labSecrets.enable },
    });
    bench.lab.faults.add({ kind: "refuse", command: "no page" });
    await applied(direct, off);
    expect(bench.lab.writes).toEqual(["1,2,3,4: no power-over-ethernet"]);
  });
});
