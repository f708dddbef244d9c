/** The snmp transport against a real snmpd: reads, sets, versions and users. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { createSnmpClient, type SnmpClient } from "../../src/sdk/snmp-client.ts";
import type { Door } from "../../src/transports/transports.ts";
import { hasSnmpd, startSnmpd, type TestSnmpd } from "../kit/snmpd.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const system = "1.3.6.1.2.1.1";
const location = `${system}.6.0`;
const block = {
  host: "{host}",
  port: "{port}",
  version: "{version}",
  community: "{secret:community}",
  user: "{user}",
  auth_protocol: "{auth_protocol}",
  auth_key: "{secret:auth_key}",
  priv_protocol: "{priv_protocol}",
  priv_key: "{secret:priv_key}",
};
/** Users by what authenticates them. */
const users = { sha224: "SHA-224", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };
const clientOf = (door: Door): SnmpClient => createSnmpClient((op, args) => door.ask(op, args), "snmp");

describe.skipIf(!hasSnmpd)("snmp", () => {
  let snmpd: TestSnmpd;
  beforeAll(async () => {
    snmpd = await startSnmpd({ users });
  });
  afterAll(() => snmpd?.[Symbol.asyncDispose]());

  const facts = (
    config: JsonObject = {},
    secrets: Record<string, string> = { community: snmpd.readCommunity },
  ): BenchFacts => ({
    transports: { snmp: block },
    config: { host: "127.0.0.1", port: snmpd.port, ...config },
    secrets,
    capability: { writes: [`SET ${system}.6.*`, `SET ${system}.4.0`] },
    defaults: { http: { retries: 0 }, transports: { snmp: { timeout_s: 0.3, retries: 0 } } },
  });
  const v3 = (changes: JsonObject = {}, secrets: Record<string, string> = {}): BenchFacts =>
    facts(
      { user: snmpd.user.name, auth_protocol: "SHA", priv_protocol: "AES", ...changes },
      { auth_key: snmpd.user.authKey, priv_key: snmpd.user.privKey, ...secrets },
    );
  const writer = (): BenchFacts => facts({}, { community: snmpd.writeCommunity });

  test("gets values by name, in order, and says which are not there", async () => {
    await using bench = openBench(facts());
    const [name, absent, uptime] = await clientOf(bench.door()).get([
      `${system}.5.0`,
      `${system}.99.0`,
      `${system}.3.0`,
    ]);
    expect(name).toMatchObject({ oid: `${system}.5.0`, type: "OctetString", value: expect.any(String) });
    expect(Buffer.from(name?.bytes() ?? []).toString()).toBe(name?.value);
    expect(absent).toMatchObject({ type: expect.stringMatching(/^NoSuch/), value: null });
    expect(uptime).toMatchObject({ type: "TimeTicks", value: expect.any(Number) });
  });

  test.each(["1", "2c", "v2c"])("walks everything below a name and nothing beside it (version %s)", async (version) => {
    await using bench = openBench(facts({ version }));
    const found = await clientOf(bench.door()).walk(system);
    expect(found.length).toBeGreaterThan(10);
    expect(found.every(({ oid }) => oid.startsWith(`${system}.`))).toBe(true);
    expect(await clientOf(bench.door()).walk("1.3.6.1.2.1.99.99")).toEqual([]);
  });

  test("reads a table as rows by index", async () => {
    await using bench = openBench(facts());
    const rows = await clientOf(bench.door()).table("1.3.6.1.2.1.2.2.1", [1, 2, 6]);
    const loopback = rows.find(({ columns }) => columns[2]?.value === "lo");
    expect(loopback).toMatchObject({
      index: String(loopback?.columns[1]?.value),
      columns: { 2: { type: "OctetString" } },
    });
    const routes = await clientOf(bench.door()).table("1.3.6.1.2.1.4.20.1", [2]);
    expect(routes.some(({ index }) => index === "127.0.0.1")).toBe(true);
  });

  test("reads with version 3, authenticated and encrypted, and tells what is wrong with a login", async () => {
    await using bench = openBench(v3());
    expect((await clientOf(bench.door()).walk(system)).length).toBeGreaterThan(10);
    const wrong: [BenchFacts, RegExp][] = [
      [v3({ user: "nobody" }), /no such user/],
      [v3({}, { auth_key: "not-the-auth-key" }), /authentication key/],
      [v3({ auth_protocol: "sha-256" }), /authentication key/],
      [v3({}, { priv_key: "not-the-priv-key" }), /privacy key/],
    ];
    for (const [given, advice] of wrong) {
      await using other = openBench(given);
      const failed = clientOf(other.door()).get([`${system}.5.0`]);
      await expect(failed).rejects.toMatchObject({ code: "auth_failed", message: expect.stringMatching(advice) });
    }
  });

  test.each(Object.entries(users))("reads with version 3 and %s, and with no other hash", async (user, protocol) => {
    // What is wrong must be told, not run out of time, on a machine that is busy.
    const defaults = { http: { retries: 0 }, transports: { snmp: { timeout_s: 5, retries: 0 } } };
    await using bench = openBench({ ...v3({ user, auth_protocol: protocol }), defaults });
    expect((await clientOf(bench.door()).walk(system)).length).toBeGreaterThan(10);
    const another = protocol === "SHA-256" ? "SHA-512" : "SHA-256";
    await using other = openBench({ ...v3({ user, auth_protocol: another }), defaults });
    expect(await codeOf(clientOf(other.door()).get([`${system}.5.0`]))).toBe("auth_failed");
  });

  test("sets what the plan says, and reads it back", async () => {
    await using bench = openBench(writer());
    const set = [{ oid: location, type: "OctetString", value: "rack 7" }];
    const door = bench.applying([{ transport: "snmp", set }]);
    expect(await door.ask("apply", {})).toEqual([{ set, error: null }]);
    expect(await clientOf(bench.door()).get([location])).toMatchObject([{ value: "rack 7" }]);
    expect(bench.journal.events.map(({ message }) => message)).toEqual([
      `SET ${location} = "rack 7" (OctetString)`,
      `SET ${location} = "rack 7" (OctetString): 0`,
    ]);
  });

  test("sets with version 3, and bytes that are no text", async () => {
    await using bench = openBench(v3());
    const client = clientOf(bench.door({ mode: "free" }));
    await client.set([{ oid: location, type: "OctetString", value: { hex: "ff10" } }]);
    const [value] = await client.get([location]);
    expect([value?.value, [...(value?.bytes() ?? [])]]).toEqual(["ff10", [255, 16]]);
  });

  test("is refused a set with a community that may only read, and says so", async () => {
    await using bench = openBench(facts());
    const door = bench.door({ mode: "free" });
    const result = await clientOf(door).set([{ oid: location, type: "OctetString", value: "x" }]);
    expect(result.error).toMatch(/NoAccess/);
    expect([door.lastFailure?.code, door.unknownStep]).toEqual(["device_error", null]);
  });

  test("has no set beyond what the manifest names, and none while it reads", async () => {
    await using bench = openBench(writer());
    const set = (oid: string): JsonObject => ({ transport: "snmp", set: [{ oid, type: "OctetString", value: "x" }] });
    for (const oid of [`${system}.5.0`, `${system}.60.0`, `${system}.6`])
      expect(() => bench.normalise([set(oid)])).toThrow(expect.objectContaining({ code: "plan_deviation" }));
    const both = {
      transport: "snmp",
      set: [...(set(location)["set"] as object[]), ...(set(`${system}.5.0`)["set"] as object[])],
    };
    expect(() => bench.normalise([both as JsonObject])).toThrow(expect.objectContaining({ code: "plan_deviation" }));
    expect(await codeOf(bench.door().ask("snmp.set", set(location)))).toBe("read_only_violation");
  });

  test.each([
    ["1.3.6.1.x", "OctetString", "a"],
    ["3.3.6", "OctetString", "a"],
    [location, "Integer", "7"],
    [location, "Integer", 2 ** 31],
    [location, "IpAddress", "1.2.3.400"],
    [location, "Sequence", "a"],
    [location, "OctetString", { hex: "0" }],
  ])("takes no value such as %s %s %j", async (oid, type, value) => {
    await using bench = openBench(writer());
    expect(() => bench.normalise([{ transport: "snmp", set: [{ oid, type, value }] }])).toThrow(
      expect.objectContaining({ code: "driver_failed" }),
    );
  });

  test("says of a silent agent that it is down or the community wrong, and records no write that could not arrive", async () => {
    await using bench = openBench(facts({}, { community: "not-the-community" }));
    const failed = clientOf(bench.door()).get([`${system}.5.0`]);
    await expect(failed).rejects.toMatchObject({
      code: "no_snmp_answer",
      message: expect.stringMatching(/down.*community is wrong/),
    });
    const door = bench.applying([{ transport: "snmp", set: [{ oid: location, type: "OctetString", value: "x" }] }]);
    expect(await codeOf(door.ask("apply", {}))).toBe("no_snmp_answer");
    expect([door.unknownStep, bench.journal.entries]).toEqual([null, []]);
  });

  test("hears at once that nothing listens", async () => {
    await using bench = openBench(facts({ port: 9 }));
    expect(await codeOf(clientOf(bench.door()).get([location]))).toBe("connection_refused");
  });

  test("goes on after the agent was started anew", async () => {
    await using bench = openBench(v3());
    await clientOf(bench.door()).get([location]);
    await snmpd.stop();
    await snmpd.start();
    expect(await clientOf(bench.door()).get([`${system}.3.0`])).toMatchObject([{ type: "TimeTicks" }]);
  });

  test.each(["2c", "3"])(
    "walks several tables at once, also right after the agent was started anew (version %s)",
    async (version) => {
      await using bench = openBench(version === "3" ? v3() : facts());
      const client = clientOf(bench.door());
      const walkAll = () =>
        Promise.all([system, "1.3.6.1.2.1.2", "1.3.6.1.2.1.4", system].map((oid) => client.walk(oid)));
      const sizes = (found: Awaited<ReturnType<typeof walkAll>>) => found.map(({ length }) => length > 10);
      expect(sizes(await walkAll())).toEqual([true, true, true, true]);
      await snmpd.stop();
      await snmpd.start();
      expect(sizes(await walkAll())).toEqual([true, true, true, true]);
    },
  );

  test("keeps the community out of what a driver sees", async () => {
    await using bench = openBench(writer());
    const free = clientOf(bench.door({ mode: "free" }));
    const [handle = ""] = Object.values(bench.session.handles);
    expect(await codeOf(free.set([{ oid: location, type: "OctetString", value: handle }]))).toBe("handle_misplaced");
    await using other = openBench({ ...v3(), secrets: { ...v3().secrets, community: snmpd.writeCommunity } });
    const raw = createSnmpClient((op, args) => other.door({ mode: "free" }).ask(op, args), "snmp");
    await raw.set([
      { oid: location, type: "OctetString", value: { hex: Buffer.from(`at ${snmpd.writeCommunity}`).toString("hex") } },
    ]);
    const [echoed] = await raw.get([location]);
    expect(echoed?.value).toBe(`at ${other.session.handles["community"]}`);
  });
});
