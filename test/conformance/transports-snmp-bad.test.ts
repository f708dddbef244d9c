/** SNMP agents that misbehave: each has a named error, in time, and nothing of what they said is used. */
import { describe, expect, test } from "vitest";
import type { Door } from "../../src/transports/transports.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";
import { answerTo, startUdpAgent, type UdpAgent } from "../kit/udp-agent.ts";

const facts = (port: number): BenchFacts => ({
  transports: { snmp: { host: "{host}", port: "{port}", community: "{secret:community}" } },
  config: { host: "127.0.0.1", port },
  secrets: { community: "some-community" },
  capability: { writes: ["SET 1.3.6.*"] },
  defaults: { http: { retries: 0 }, transports: { snmp: { timeout_s: 0.2, retries: 1 } } },
});
const withAgent = async (
  answer: Parameters<typeof startUdpAgent>[0],
  work: (door: Door, agent: UdpAgent, bench: ReturnType<typeof openBench>) => Promise<void>,
): Promise<void> => {
  await using agent = await startUdpAgent(answer);
  await using bench = openBench(facts(agent.port));
  await work(bench.door({ mode: "free" }), agent, bench);
};
const base = "1.3.6.1.2.1.2";
const set = { set: [{ oid: `${base}.1`, type: "Integer", value: 1 }] };

describe("an agent", () => {
  test.each([
    ["answers the same name again and again", () => `${base}.1`],
    ["goes back", (count: number) => `${base}.${20 - count}`],
    ["goes round in circles", (count: number) => `${base}.${1 + (count % 3)}`],
  ])("that %s is left, and nothing of its walk is used", async (_, nameOf) => {
    let count = 0;
    await withAgent(
      ({ community, id }) => {
        count += 1;
        return [answerTo(community, id, [[nameOf(count), count]])];
      },
      async (door, agent, bench) => {
        expect(await codeOf(door.ask("snmp.walk", { oid: base }))).toBe("device_error");
        expect(agent.seen.length).toBeLessThan(6);
        expect(bench.transports.inFlightBytes).toBe(0);
      },
    );
  });

  test("whose names grow in the order of numbers, not of letters, is walked", () =>
    withAgent(
      ({ community, id, oid }) => {
        const at = oid === base ? 8 : Number(oid.split(".").at(-1)) + 1;
        return [answerTo(community, id, [[at > 11 ? "1.3.6.1.2.1.3.1" : `${base}.${at}`, at]])];
      },
      async (door) => {
        expect(await door.ask("snmp.walk", { oid: base })).toMatchObject({ names: ["8", "9", "10", "11"] });
      },
    ));

  test("that answers other requests than those that were made is no agent of ours", () =>
    withAgent(
      ({ community, id }) => [answerTo(community, id + 1, [[`${base}.1`, 1]])],
      async (door) => {
        expect(await codeOf(door.ask("snmp.get", { oids: [`${base}.1`] }))).toBe("protocol_mismatch");
      },
    ));

  test("that answers with other names than were asked for is not believed", () =>
    withAgent(
      ({ community, id }) => [answerTo(community, id, [[`${base}.2`, 1]])],
      async (door) => {
        expect(await codeOf(door.ask("snmp.get", { oids: [`${base}.1`] }))).toBe("protocol_mismatch");
      },
    ));

  test("that sends garbage harms nobody", () =>
    withAgent(
      () => [
        Buffer.from("no snmp at all"),
        Buffer.from([48, 3, 2, 1, 1]),
        Buffer.from([48, 0x84, 255, 255, 255, 255]),
        Buffer.alloc(0),
      ],
      async (door) => {
        expect(await codeOf(door.ask("snmp.walk", { oid: base }))).toBe("protocol_mismatch");
      },
    ));

  test.each([
    ["a report", (bytes: Buffer) => bytes, 168],
    ["a trap", (bytes: Buffer) => bytes, 167],
    ["the half of an answer", (bytes: Buffer) => bytes.subarray(0, -3), 162],
    ["a text that is cut off", (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -7), Buffer.from([4, 5, 65])]), 162],
    ["an answer without its last byte", (bytes: Buffer) => bytes.subarray(0, -1), 162],
    [
      "a value of a type that does not exist",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -7), Buffer.from([0x9f]), bytes.subarray(-6)]),
      162,
    ],
  ])("that sends %s instead of an answer is given up in time, and nothing of it is used", (_, spoil, tag) =>
    withAgent(
      ({ community, id }) => [spoil(answerTo(community, id, [[`${base}.1`, 7]], { tag }))],
      async (door, agent, bench) => {
        const startedAt = performance.now();
        expect(await codeOf(door.ask("snmp.get", { oids: [`${base}.1`] }))).toBe("protocol_mismatch");
        expect(performance.now() - startedAt).toBeLessThan(2_000);
        expect(agent.seen.length).toBeLessThan(4);
        expect(bench.transports.inFlightBytes).toBe(0);
      },
    ),
  );

  test("that answers a walk with nothing is not taken for one that has nothing", () =>
    withAgent(
      ({ community, id }) => [answerTo(community, id, [])],
      async (door) => {
        expect(await codeOf(door.ask("snmp.walk", { oid: base }))).toBe("protocol_mismatch");
      },
    ));

  test("that answers for ever is given up in time", () => {
    let count = 0;
    return withAgent(
      ({ community, id }) => {
        count += 1;
        return [answerTo(community, id, [[`${base}.${count}`, 1]])];
      },
      async (door) => {
        expect(await codeOf(door.ask("snmp.walk", { oid: base, timeout_ms: 300 }))).toBe("response_timeout");
        expect(await codeOf(door.ask("snmp.walk", { oid: `${base}.1`, timeout_ms: 300 }))).toBeUndefined();
      },
    );
  });

  test("that takes a set and stays silent leaves its outcome unknown, and gets it once", () =>
    withAgent(
      ({ community, id, type }) => (type === 163 ? [] : [answerTo(community, id, [["1.3.6.1.2.1.1.3.0", 1]])]),
      async (door, agent) => {
        expect(await codeOf(door.ask("snmp.set", set))).toBe("no_snmp_answer");
        expect(door.unknownStep).toBe(0);
        expect(agent.seen.filter(({ type }) => type === 163)).toHaveLength(1);
      },
    ));

  test("that is silent is asked as often as the manifest says, and no write is sent to it", () =>
    withAgent(
      () => [],
      async (door, agent) => {
        expect(await codeOf(door.ask("snmp.set", set))).toBe("no_snmp_answer");
        expect(agent.seen.map(({ type }) => type)).toEqual([160, 160]);
        expect(door.unknownStep).toBeNull();
      },
    ));

  test("that does not answer one request does not take the others with it", async () => {
    const seen = new Set<number>();
    const nextOf = (oid: string): string => {
      const at = oid === base ? 1 : Number(oid.split(".").at(-1)) + 1;
      return at > 4 ? "1.3.6.1.2.1.3.1" : `${base}.${at}`;
    };
    await withAgent(
      ({ community, id, type, oid }) => {
        // Each step of the walk is answered at the second asking: it goes on long after the get was given up.
        const isAnswered = type !== 160 && seen.has(id);
        seen.add(id);
        return isAnswered ? [answerTo(community, id, [[nextOf(oid), 1]])] : [];
      },
      async (door) => {
        const walk = door.ask("snmp.walk", { oid: base });
        expect(await codeOf(door.ask("snmp.get", { oids: [`${base}.9`] }))).toBe("no_snmp_answer");
        expect(await walk).toMatchObject({ names: ["1", "2", "3", "4"] });
      },
    );
  });

  test("is left as soon as the job is cancelled", async () => {
    await using agent = await startUdpAgent(() => []);
    await using bench = openBench({ ...facts(agent.port), defaults: { transports: { snmp: { timeout_s: 20 } } } });
    const cancel = new AbortController();
    const waiting = codeOf(bench.door({ signal: cancel.signal }).ask("snmp.get", { oids: [`${base}.1`] }));
    await expect.poll(() => agent.seen.length).toBe(1);
    cancel.abort();
    expect(await waiting).toBe("job_cancelled");
  });
});
