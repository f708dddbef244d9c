/** An agent that was silent a moment ago is asked again, and not waited for as long again. */
import { expect, test } from "vitest";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";
import { answerTo, startUdpAgent } from "../kit/udp-agent.ts";

const upTime = "1.3.6.1.2.1.1.3.0";
const facts = (port: number, timeout_s: number): BenchFacts => ({
  transports: { snmp: { host: "{host}", port: "{port}", community: "{secret:community}" } },
  config: { host: "127.0.0.1", port },
  secrets: { community: "some-community" },
  capability: { writes: ["SET 1.3.6.*"] },
  defaults: { http: { retries: 0 }, transports: { snmp: { timeout_s, retries: 1 } } },
});

/** An agent that answers after so long, or not at all, as the test says. */
const startMoody = async () => {
  const mood = { afterMs: null as number | null };
  const agent = await startUdpAgent(
    ({ community, id }) => [answerTo(community, id, [[upTime, 1]])],
    () => mood.afterMs,
  );
  return { agent, mood };
};

/** A clock that the test moves on. */
const bench = (port: number, timeout_s = 1.5) => {
  let ahead = 0;
  const opened = openBench(facts(port, timeout_s), { deps: { now: () => performance.now() + ahead } });
  const get = async () => {
    const startedAt = performance.now();
    const thrown = await opened
      .door()
      .ask("snmp.get", { oids: [upTime] })
      .catch((error: unknown) => error);
    const { code, message } = thrown as { code?: string; message?: string };
    return { code, message, ms: performance.now() - startedAt };
  };
  const pass = (ms: number): void => {
    ahead += ms;
  };
  return { opened, get, pass };
};

test("a silent agent costs its time-outs once, and a second for each question after that", async () => {
  const { agent } = await startMoody();
  await using _ = agent;
  const { opened, get } = bench(agent.port);
  await using __ = opened;
  const first = await get();
  expect([first.code, first.ms > 2_900]).toEqual(["no_snmp_answer", true]);
  const [second, third] = [await get(), await get()];
  expect([second.code, third.code]).toEqual(["no_snmp_answer", "no_snmp_answer"]);
  expect(second.ms + third.ms).toBeLessThan(2_600);
  expect(second.message).toMatch(/within 10\d\d ms/);
  // Each of them was asked all the same.
  expect(new Set(agent.seen.map(({ id }) => id)).size).toBe(3);
});

test("an agent that is back is seen at once, and waited for as ever", async () => {
  const { agent, mood } = await startMoody();
  await using _ = agent;
  const { opened, get } = bench(agent.port, 1.2);
  await using __ = opened;
  expect((await get()).code).toBe("no_snmp_answer");
  mood.afterMs = 0;
  const back = await get();
  expect([back.code, back.ms < 500]).toEqual([undefined, true]);
  mood.afterMs = null;
  const gone = await get();
  expect([gone.code, gone.ms > 2_300]).toEqual(["no_snmp_answer", true]);
});

test("an agent that is slow is believed to be there with its first answer, although nobody waited for it", async () => {
  const { agent, mood } = await startMoody();
  await using _ = agent;
  const { opened, get } = bench(agent.port, 1.4);
  await using __ = opened;
  await get();
  mood.afterMs = 1_200;
  expect((await get()).code).toBe("no_snmp_answer");
  await expect.poll(async () => (await get()).code, { timeout: 4_000 }).toBeUndefined();
});

test("silence is forgotten after half a minute", async () => {
  const { agent } = await startMoody();
  await using _ = agent;
  const { opened, get, pass } = bench(agent.port, 1.2);
  await using __ = opened;
  await get();
  pass(31_000);
  expect((await get()).ms).toBeGreaterThan(2_300);
});

test("a write asks first, and is not sent to an agent that stays silent", async () => {
  const { agent } = await startMoody();
  await using _ = agent;
  const { opened, get } = bench(agent.port);
  await using __ = opened;
  await get();
  const door = opened.door({ mode: "free" });
  const startedAt = performance.now();
  expect(await codeOf(door.ask("snmp.set", { set: [{ oid: upTime, type: "Integer", value: 1 }] }))).toBe(
    "no_snmp_answer",
  );
  expect([door.unknownStep, performance.now() - startedAt < 1_600]).toEqual([null, true]);
  expect(agent.seen.some(({ type }) => type === 163)).toBe(false);
});
