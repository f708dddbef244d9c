/** Answers to a set: one that says something else than was set is none, and an error is told by its own words. */
import { describe, expect, test } from "vitest";
import type { Door } from "../../src/transports/transports.ts";
import { type BenchFacts, openBench } from "../kit/transport-bench.ts";
import { answerTo, startUdpAgent } from "../kit/udp-agent.ts";

const facts = (port: number): BenchFacts => ({
  transports: { snmp: { host: "{host}", port: "{port}", community: "{secret:community}" } },
  config: { host: "127.0.0.1", port },
  secrets: { community: "some-community" },
  capability: { writes: ["SET 1.3.6.*"] },
  defaults: { http: { retries: 0 }, transports: { snmp: { timeout_s: 0.3, retries: 0 } } },
});
const upTime = "1.3.6.1.2.1.1.3.0";
const [one, other] = ["1.3.6.1.2.1.105.1.1.1.3.1.1", "1.3.6.1.2.1.105.1.1.1.3.1.2"];
const step = {
  transport: "snmp",
  set: [
    { oid: one, type: "Integer", value: 2 },
    { oid: other, type: "OctetString", value: "off" },
  ],
};
type Values = Parameters<typeof answerTo>[2];
const echo: Values = [
  [one, 2],
  [other, "off"],
];

/** Applies the step at an agent that answers the set so; the agent is there all the time. */
const applied = async (values: Values, error: readonly [number, number] = [0, 0]) => {
  await using agent = await startUdpAgent(({ community, id, type }) => [
    type === 163 ? answerTo(community, id, values, { error }) : answerTo(community, id, [[upTime, 1]]),
  ]);
  await using bench = openBench(facts(agent.port));
  const door: Door = bench.applying([step]);
  const got = await door.ask("apply", {}).catch((thrown: unknown) => thrown);
  return { got, door, journal: bench.journal.entries[0], sets: agent.seen.filter(({ type }) => type === 163).length };
};

test("a set that is answered with what was set is done", async () => {
  const { got, door, sets } = await applied(echo);
  expect(got).toMatchObject([{ error: null }]);
  expect([door.stepsDone, door.unknownStep, sets]).toEqual([1, null, 1]);
});

describe("a set that is answered with something else", () => {
  test.each<[string, Values]>([
    [
      "another number",
      [
        [one, 1],
        [other, "off"],
      ],
    ],
    [
      "another text",
      [
        [one, 2],
        [other, "on"],
      ],
    ],
    [
      "a longer text",
      [
        [one, 2],
        [other, "off "],
      ],
    ],
    [
      "a text for a number",
      [
        [one, "2"],
        [other, "off"],
      ],
    ],
    [
      "no such instance",
      [
        [one, null],
        [other, "off"],
      ],
    ],
    [
      "another name",
      [
        [`${one}.1`, 2],
        [other, "off"],
      ],
    ],
    [
      "names in another order",
      [
        [other, "off"],
        [one, 2],
      ],
    ],
    ["one value less", [[one, 2]]],
    ["one value more", [...echo, [`${other}.9`, 1]]],
    ["nothing at all", []],
  ])("(%s) is not done: what it did is not known", async (_, values) => {
    const { got, door, journal, sets } = await applied(values);
    expect(got).toMatchObject({ code: "protocol_mismatch" });
    expect([door.stepsDone, door.unknownStep, journal?.answer, sets]).toEqual([0, 0, null, 1]);
  });
});

describe("a set that is refused", () => {
  test.each([
    [99, 1, /99/],
    [19, 0, /19/],
    [2_000_000_000, 7, /2000000000/],
    [-1, 0, /-1/],
    [5, 0, /GeneralError/],
    [17, 2, /NotWritable.*1\.3\.6\.1\.2\.1\.105\.1\.1\.1\.3\.1\.2/],
  ])("with the error status %i (at value %i) ends the plan, and says so in words", async (status, index, words) => {
    const { got, door, journal } = await applied(echo, [status, index]);
    expect(got).toMatchObject([{ error: expect.stringMatching(words) }]);
    expect(door.failedStep).toMatchObject({ code: "device_error", message: expect.stringMatching(words) });
    expect(door.failedStep?.message).toMatch(/It says: /);
    expect(door.failedStep?.message).not.toMatch(/undefined|\[object|Error:/);
    expect([door.stepsDone, door.unknownStep, journal?.answer?.ok]).toEqual([0, null, false]);
  });
});

describe("a read that is refused", () => {
  test.each([
    [99, /error status 99/],
    [-1, /error status -1/],
    [5, /GeneralError/],
  ])("with the error status %i says so in words", async (status, words) => {
    await using agent = await startUdpAgent(({ community, id }) => [
      answerTo(community, id, [[upTime, 1]], { error: [status, 1] }),
    ]);
    await using bench = openBench(facts(agent.port));
    for (const [op, args] of [
      ["snmp.get", { oids: [upTime] }],
      ["snmp.walk", { oid: "1.3.6.1.2.1.1" }],
    ] as const) {
      const thrown = await bench
        .door()
        .ask(op, args)
        .catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: "device_error", message: expect.stringMatching(words) });
      expect((thrown as Error).message).not.toMatch(/undefined|\[object/);
    }
  });
});
