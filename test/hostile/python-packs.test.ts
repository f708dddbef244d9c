/** A hostile pack in Python in a whole system: nothing is reached, each attempt is named, nobody else is hurt. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { callerOf } from "../kit/caller.ts";
import { systemLevels } from "../kit/levels.ts";
import { zip } from "../kit/pack.ts";
import { canRunPython } from "../kit/python.ts";
import { startSystem, until } from "../kit/system.ts";
import type { Attempt, Facts } from "./hostile-attempts.ts";
import { type HostileBench, medianOf, openHostileBench } from "./hostile-bench.ts";
import { expectNoForgery, looksOf } from "./hostile-look.ts";
import { pythonAttempts } from "./python-attempts.ts";
import { pythonHostileId, pythonHostilePack } from "./python-hostile-driver.ts";

const [full] = (await systemLevels()).filter(({ level }) => level === "full");
const [degraded] = (await systemLevels()).filter(({ level }) => level === "degraded");
const pack = { id: pythonHostileId, files: pythonHostilePack };

const atCanary = ({ canaryPort }: Facts) => ({ port: canaryPort });
const escapes = (names: readonly string[], ...codes: readonly string[]): readonly Attempt[] =>
  names.map((name) => ({ about: "gets out", name, from: "escape", codes, facts: atCanary }));
const worst = (name: string, code: string, more: Partial<Attempt> = {}): Attempt => ({
  ...{ about: "does its worst", name, from: "worst", codes: [code] },
  ...more,
});
const asks = (name: string, code: string, each: readonly Readonly<Record<string, unknown>>[]): readonly Attempt[] =>
  each.map((facts) => worst(name, code, { about: JSON.stringify(facts), facts: () => facts }));

const table: readonly Attempt[] = [
  ...escapes(pythonAttempts.files, "driver_failed"),
  ...escapes(pythonAttempts.network, "driver_failed", "endpoint_not_allowed"),
  ...escapes(pythonAttempts.processes, "driver_failed", "sandbox_crashed", "endpoint_not_allowed"),
  ...escapes(pythonAttempts.memory, "driver_failed", "sandbox_crashed", "sandbox_out_of_memory"),
  // The attempt before may have made its process deaf to what explains a refusal.
  worst("tcp", "endpoint_not_allowed", {
    ...{ about: "reaches the API", from: "escape", codes: ["endpoint_not_allowed", "driver_failed"] },
    facts: ({ port }) => ({ port }),
  }),
  worst("tcp_by_libc", "driver_failed", {
    ...{ about: "reaches its device by itself", from: "escape" },
    facts: ({ devicePort }) => ({ port: devicePort }),
  }),
  ...asks("path", "endpoint_not_allowed", [{ path: "/../admin" }, { path: "/%252e%252e/admin" }, { path: "//x/y" }]),
  ...asks("url", "endpoint_not_allowed", [{ url: "http://169.254.169.254/" }, { url: "file:///etc/passwd" }]),
  ...asks("header", "endpoint_not_allowed", [
    ...["Host", "Content-Length", "Connection", "X-HTTP-Method-Override", "authorization"].map((name) => ({
      ...{ name, value: "5" },
    })),
    { name: "x-note", value: "a\r\nX-Admin: yes" },
  ]),
  ...["path_handle", "query_handle", "header_handle", "body_handle", "foreign_handle", "template"].map((name) =>
    worst(name, "handle_misplaced"),
  ),
  ...["writes", "writes_quietly", "overridden"].map((name) => worst(name, "read_only_violation")),
  ...asks("asks_other", "driver_failed", [{ op: "constructor" }, { op: "__proto__" }, { op: "process.run" }]),
  worst("redirected", "endpoint_not_allowed", {
    facts: ({ canaryPort }) => ({ to: `http://127.0.0.1:${canaryPort}/api/x` }),
    sent: ["GET /api/redirect"],
  }),
  worst("bomb", "response_too_large", { sent: ["GET /api/bomb"] }),
  worst("endless", "response_too_large", { sent: ["GET /api/endless"] }),
  worst("echoed", "driver_failed", { sent: ["GET /api/echo"] }),
  worst("handle_echoed", "succeeded", { sent: ["POST /api/search"] }),
  worst("remembers", "succeeded"),
  worst("replays", "succeeded", { refused: "another call" }),
  ...["raw_length", "raw_garbage", "raw_shape"].map((name) => worst(name, "driver_failed")),
  ...["heap", "buffers"].map((name) => worst(name, "sandbox_out_of_memory")),
  worst("at_once", "driver_failed", { codes: ["driver_failed", "sandbox_out_of_memory"] }),
  worst("stack", "driver_failed"),
  worst("native_stack", "sandbox_crashed", { codes: ["sandbox_crashed", "sandbox_out_of_memory", "driver_failed"] }),
  ...["large_answer", "deep_answer", "proto"].map((name) => worst(name, "response_invalid")),
  ...["events", "prints"].map((name) => worst(name, "succeeded")),
];
const endless = ["waits", "loops", "native_loop", "regex", "deaf", "threads", "closes_line", "breaks_json"];
/** As in a pack in TypeScript. */
const mostSlowdown = { beside: 4, besideMany: 10 };

describe.skipIf(!canRunPython || full === undefined)("a hostile pack in Python", () => {
  let bench: HostileBench;
  let before = 0;
  beforeAll(async () => {
    bench = await openHostileBench(full!, pack);
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

  it.each(table)(
    "$about: $name",
    async (attempt) => {
      const answer = await bench.beside(() => look(attempt));
      expect(attempt.codes).toContain((await named(answer)).code);
      expect(looks.received(before)).toEqual(attempt.sent ?? []);
      if (attempt.refused) expect(await warningsOf(answer.body)).toContain(attempt.refused);
    },
    90_000,
  );

  it("leaves the neighbour's latency as it was", () => {
    expect(bench.slowdown()).toBeLessThan(mostSlowdown.beside);
  });

  it("speaks for no other call: not for one that it learnt the id of, while both go on", async () => {
    await expectNoForgery(looks, bench, ["holds", "speaks_for"], until);
    expect(looks.received(before)).toEqual(["GET /api/hold", "GET /api/release"]);
  });

  it.each([
    ["read_passwd", "FileSystemRead"],
    ["write_tmp", "FileSystemWrite"],
    ["fork", "os.fork"],
    ["subprocess_run", "subprocess.Popen"],
    ["kill_parent", "os.kill"],
  ])("names in the job's events what a driver tries and keeps silent about: %s", async (name, refused) => {
    const quietly = { from: "escape", name, facts: (facts: Facts) => ({ ...atCanary(facts), quietly: true }) } as const;
    expect(await refusedIn(await look(quietly))).toContain(refused);
  });

  it("is ended by a cancel where it never ends, and nobody waits for it meanwhile", async () => {
    const [quietly, meanwhile]: [number[], number[]] = [[], []];
    for (let time = 0; time < 15; time += 1) quietly.push(await bench.neighbourWaits());
    const ids = await Promise.all(
      endless.map(async (name) => {
        const { body } = await look({ from: "worst", name }, { wait: 0 });
        const hasBegun = async () =>
          (await bench.eventsOf(body.id)).some(({ message }) => message === "began") ? true : undefined;
        await until(hasBegun, `${name} to begin`);
        return body.id;
      }),
    );
    for (let time = 0; time < 15; time += 1) meanwhile.push(await bench.neighbourWaits());
    for (const id of ids) await bench.system.call("POST", `/api/jobs/${id}/cancel`);
    for (const [index, id] of ids.entries()) {
      const { error } = await bench.caller.settled(id);
      expect(["job_cancelled", "sandbox_crashed", "driver_failed"], endless[index]).toContain(error?.code);
    }
    expect(medianOf(meanwhile) / medianOf(quietly)).toBeLessThan(mostSlowdown.besideMany);
  });

  it("forges no line of a log and no event of a stream by control characters", async () => {
    const { body } = await look({ from: "worst", name: "injects" });
    const lines = await bench.system.watch(body.id);
    expect(lines.filter(({ event }) => event === "job.done")).toHaveLength(1);
    expect(lines.at(-1)?.data).toMatchObject({ job_id: body.id, state: "succeeded" });
    expect(bench.system.output()).not.toContain("forged");
  });
});

describe.skipIf(!canRunPython || degraded === undefined)("a pack in Python below level full", () => {
  it("is not taken: nothing of Python itself would hold it", async () => {
    const system = await startSystem({ around: degraded!.around });
    try {
      const { uploadBytes } = callerOf(system);
      const archive = await zip(pythonHostilePack());
      const { digest } = (await uploadBytes(archive)).body as unknown as { digest: string };
      const answer = await uploadBytes(archive, { query: `?consent=${digest}` });
      expect(answer.body).toMatchObject({ code: "sandbox_level_too_low" });
    } finally {
      await system.dispose();
    }
  }, 90_000);
});
