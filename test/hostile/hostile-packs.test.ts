/** A hostile pack in a whole system, at every level: nothing is reached, each attempt is named, nobody else is hurt. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../kit/caller.ts";
import { systemLevels } from "../kit/levels.ts";
import { until } from "../kit/system.ts";
import { addresses, applies, endless, table } from "./hostile-attempts.ts";
import { type HostileBench, medianOf, openHostileBench } from "./hostile-bench.ts";
import { expectNoForgery, looksOf } from "./hostile-look.ts";
import { fatal, nothingThere, quiet } from "./quiet-attempts.ts";

/** How many times as long the neighbour may typically wait beside an attempt; and beside nine that spin without end. */
const mostSlowdown = { beside: 4, besideNine: 10 };

describe.each(await systemLevels())("a hostile pack at level $level", (at) => {
  let bench: HostileBench;
  let before = 0;
  beforeAll(async () => {
    bench = await openHostileBench(at);
  }, 90_000);
  afterAll(() => bench?.close());
  beforeEach(() => {
    before = bench.device.seen.length;
  });
  afterEach(async () => {
    expect(bench.contacts).toEqual([]);
    expect((await fetch(`${bench.system.url}/readyz`)).status).toBe(200);
  });

  const looks = looksOf(() => bench);
  const { look, named, warningsOf, refusedIn } = looks;
  const received = (): readonly string[] => looks.received(before);

  const lookQuietly = (name: string): Promise<Answer> =>
    look({ name, from: "escape", facts: () => ({ quietly: true }) });

  /** First of all: a process that has tried other things holds descriptors that it opened itself. */
  it("has nothing to name where nothing is there that could be tried", async () => {
    for (const name of nothingThere) expect([name, await refusedIn(await lookQuietly(name))]).toEqual([name, []]);
  });

  it.each(table)("$about: $name", async (attempt) => {
    const answer = await bench.beside(() => look(attempt));
    const { code, detail } = await named(answer);
    expect(attempt.codes).toContain(code);
    if (attempt.says) expect(detail).toMatch(attempt.says);
    expect(received()).toEqual(attempt.sent ?? []);
    if (attempt.refused) expect(await warningsOf(answer.body)).toContain(attempt.refused);
  });

  it("leaves the neighbour's latency as it was", () => {
    expect(bench.slowdown()).toBeLessThan(mostSlowdown.beside);
  });

  it("speaks for no other call: not for one that it learnt the id of, while both go on", async () => {
    // From now on its process knows what is said on its line.
    await look({ from: "worst", name: "remembers" });
    await expectNoForgery(looks, bench, ["holds", "speaksFor"], until);
    expect(received()).toEqual(["GET /api/one", "GET /api/hold", "GET /api/release"]);
  });

  it("is ended by a cancel where it never ends, and nobody waits for it meanwhile", async () => {
    const [quietly, meanwhile]: [number[], number[]] = [[], []];
    for (let time = 0; time < 15; time += 1) quietly.push(await bench.neighbourWaits());
    const ids = await Promise.all(
      endless.map(async (attempt) => {
        const { body } = await look(attempt, { wait: 0 });
        const hasBegun = async () =>
          (await bench.eventsOf(body.id)).some(({ message }) => message === "began") ? true : undefined;
        await until(hasBegun, `${attempt.name} to begin`);
        return body.id;
      }),
    );
    for (let time = 0; time < 15; time += 1) meanwhile.push(await bench.neighbourWaits());
    for (const id of ids) await bench.system.call("POST", `/api/jobs/${id}/cancel`);
    for (const [index, id] of ids.entries()) {
      const { error } = await bench.caller.settled(id);
      // A process that was broken may end by itself before the cancel comes.
      const codes = ["job_cancelled", "sandbox_crashed", "driver_failed"];
      expect(codes, endless[index]?.name).toContain(error?.code);
    }
    expect(received()).toEqual([]);
    expect(medianOf(meanwhile) / medianOf(quietly)).toBeLessThan(mostSlowdown.besideNine);
  });

  it("names in the job's events what a driver tries and keeps silent about, whatever it is", async () => {
    const told = await Promise.all(
      quiet.map(async ([name, refused]) => {
        const found = await refusedIn(await lookQuietly(name));
        return [name, found.includes(refused) ? refused : found];
      }),
    );
    expect(told.length).toBeGreaterThan(50);
    expect(told).toEqual(quiet);
  });

  it.each(Object.entries(fatal))("fails the job of a driver that keeps silent about %s as %s", async (name, code) => {
    expect(bench.caller.codeOf(await lookQuietly(name))).toBe(code);
  });

  it.each(applies)("applies its plan and nothing else: $about", async ({ params, code, sent }) => {
    const answer = await bench.caller.act(bench.hostile, { capability: "hostile.act", verb: "go", params });
    expect((await named(answer)).code).toBe(code);
    expect(received()).toEqual(sent);
  });

  it.each(addresses)("cannot be pointed at the runner itself as %s", async (host) => {
    const instance = await bench.addHostile(`at ${host}`, { host, port: bench.facts.port });
    const asked = { from: "worst", name: "path", facts: () => ({ path: "/healthz" }) } as const;
    expect((await named(await look(asked, { instance }))).code).toBe("endpoint_not_allowed");
  });

  it("forges no line of a log and no event of a stream by control characters", async () => {
    const { body } = await look({ from: "worst", name: "injects" });
    const lines = await bench.system.watch(body.id);
    expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.filter(({ event }) => event === "job.done")).toHaveLength(1);
    expect(lines.at(-1)?.data).toMatchObject({ job_id: body.id, state: "succeeded" });
    expect(bench.system.output()).not.toContain("forged");
  });

  it.each([
    ["its target", { target: "swh_00000000000000000000000000000000" }],
    ["its parameters", { params: { deep: [{ er: "Bearer swh_00000000000000000000000000000000" }] } }],
  ])("is not handed a handle of somebody else in %s", async (_, more) => {
    const answer = await bench.caller.act(bench.hostile, { capability: "hostile.look", verb: "read", ...more });
    expect(bench.caller.codeOf(answer)).toBe("params_invalid");
  });

  it("is counted in the figures: what was refused, by its code", async () => {
    const tried = [
      { name: "path", facts: () => ({ path: "/../x" }) },
      { name: "foreignHandle" },
      { name: "writesQuietly" },
    ];
    for (const one of tried) await look({ from: "worst", ...one });
    const params = applies.find(({ about }) => about.includes("one byte"))?.params ?? {};
    await bench.caller.act(bench.hostile, { capability: "hostile.act", verb: "go", params });
    const codes = ["endpoint_not_allowed", "handle_misplaced", "read_only_violation", "plan_deviation"];
    const shown = async (): Promise<string> => (await fetch(`${bench.system.url}/metrics`)).text();
    const isCounted = (text: string, code: string): boolean =>
      new RegExp(`^switchyard_calls_refused_total\\{[^}]*code="${code}"[^}]*\\} [1-9]`, "m").test(text);
    await expect
      .poll(
        async () => {
          const text = await shown();
          return codes.filter((code) => !isCounted(text, code));
        },
        { timeout: 15_000 },
      )
      .toEqual([]);
  });
});
