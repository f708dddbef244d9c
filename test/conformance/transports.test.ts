/** What every kind of transport must hold: an honest driver is not hindered, a hostile one gets nowhere. */
import { describe, expect, test } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import type { Door } from "../../src/transports/transports.ts";
import { type Bench, type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";
import { kinds, token } from "../kit/transport-kinds.ts";

/** Enough for an answer, too little for one that is held back. */
const impatient = {
  http: { timeout_s: 0.2, retries: 3 },
  transports: { ssh: { timeout_s: 0.5 }, snmp: { timeout_s: 0.3, retries: 3 } },
};

const names = Object.keys(kinds) as (keyof typeof kinds)[];
const here = names.filter((name) => kinds[name].isThere);

test.skipIf(here.length === names.length)(
  `only ${here.join(", ")} have a device here: install openssh-server and snmpd, be root`,
);

describe.each(here)("transport %s", (name) => {
  const kind = kinds[name];
  const setUp = async (more: Partial<BenchFacts> = {}) => {
    const started = await kind.start();
    const facts = { ...kind.facts(started.device.port), ...more };
    const bench: Bench = openBench(facts);
    return {
      ...started,
      facts,
      bench,
      [Symbol.asyncDispose]: async () => {
        await bench.transports.close();
        await started.device.close();
      },
    };
  };

  test("lets a read through in every mode", async () => {
    await using lab = await setUp();
    for (const mode of ["read", "free", "apply"] as const) {
      expect(await kind.read(lab.bench.door({ mode }))).toBeTruthy();
    }
  });

  test("refuses a write while a driver may only read, sends nothing, and lets nothing through afterwards", async () => {
    await using lab = await setUp();
    const door = lab.bench.door();
    expect(await codeOf(kind.write(door, "one"))).toBe("read_only_violation");
    expect(await codeOf(kind.read(door))).toBe("read_only_violation");
    expect(door.refusal?.code).toBe("read_only_violation");
    expect(lab.writes()).toEqual([]);
    expect(await codeOf(lab.bench.door().ask("apply", {}))).toBe("read_only_violation");
  });

  test("sends the plan's steps once, in order, each journalled before it is sent", async () => {
    await using lab = await setUp();
    const order: string[] = [];
    const door = lab.bench.applying([kind.step("one"), kind.step("two")], {
      journal: {
        earlier: [],
        sent: async ({ index }) => void order.push(`sent ${index} after ${lab.writes().length}`),
        answered: async (index) => void order.push(`answered ${index} after ${lab.writes().length}`),
      },
    });
    expect(await door.ask("apply", { count: 1 })).toHaveLength(1);
    expect([door.stepsDone, door.stepsLeft]).toEqual([1, 1]);
    expect(await door.ask("apply", {})).toHaveLength(1);
    expect(await door.ask("apply", {})).toEqual([]);
    expect([door.stepsDone, door.stepsLeft, door.unknownStep]).toEqual([2, 0, null]);
    expect(lab.writes()).toEqual(["one", "two"]);
    expect(order).toEqual(["sent 0 after 0", "answered 0 after 1", "sent 1 after 1", "answered 1 after 2"]);
  });

  test("lets the driver's own write through when it equals the next step, and no other", async () => {
    await using lab = await setUp();
    const steps = [kind.step("one"), kind.step("two")];
    const door = lab.bench.applying(steps);
    await kind.write(door, "one");
    await kind.write(door, "two");
    expect(door.stepsLeft).toBe(0);
    expect(await codeOf(kind.write(door, "two"))).toBe("plan_deviation");
    for (const [first, second] of [
      ["two", "one"],
      ["one", "one"],
      ["onf", "two"],
    ] as const) {
      lab.bench.journal.entries.length = 0;
      const other = lab.bench.applying(steps);
      await kind.write(other, first).catch(() => undefined);
      await kind.write(other, second).catch(() => undefined);
      expect(other.refusal?.code).toBe("plan_deviation");
    }
    expect(lab.writes()).toEqual(["one", "two", "one"]);
  });

  test("refuses what the manifest does not let the capability write, planned or free", async () => {
    await using lab = await setUp();
    expect(() => lab.bench.normalise([kind.beyond])).toThrow(expect.objectContaining({ code: "plan_deviation" }));
    const other = lab.bench.door({ mode: "free", target: { type: "vm", id: "101" } });
    if (kind.namesTarget) expect(await codeOf(kind.write(other, "one"))).toBe("plan_deviation");
    const unnamed = lab.bench.door({ mode: "free", capability: { id: "other", verbs: ["stop"], targets: ["vm"] } });
    expect(await codeOf(kind.write(unnamed, "one"))).toBe("plan_deviation");
    await kind.write(lab.bench.door({ mode: "free" }), "two");
    expect(lab.writes()).toEqual(["two"]);
  });

  test("gives a re-run the recorded answers without sending again, and goes on", async () => {
    await using lab = await setUp();
    const steps = [kind.step("one"), kind.step("two")];
    const [first] = (await lab.bench.applying(steps).ask("apply", { count: 1 })) as unknown[];
    const again = lab.bench.applying(steps);
    const answers = (await again.ask("apply", {})) as unknown[];
    expect(answers).toHaveLength(2);
    if (name === "tcp") expect(answers[0]).toEqual(first);
    expect(lab.writes()).toEqual(["one", "two"]);
    expect(again.stepsLeft).toBe(0);
  });

  test.each(["apply", "free"] as const)("never repeats a write that was sent and not answered (%s)", async (mode) => {
    await using lab = await setUp({ defaults: impatient });
    lab.hold();
    const steps = lab.bench.normalise([kind.step("one")]);
    const run = (door: Door): Promise<unknown> => (mode === "apply" ? door.ask("apply", {}) : kind.write(door, "one"));
    const door = lab.bench.door({ mode, steps });
    expect(await codeOf(run(door))).toBe(kind.silence);
    expect([door.unknownStep, door.lastFailure?.code]).toEqual([0, kind.silence]);
    const again = lab.bench.door({ mode, steps });
    expect(await codeOf(run(again))).toBe("outcome_unknown");
    expect(again.unknownStep).toBe(0);
    expect(lab.writes()).toEqual(["one"]);
  });

  test("sends an idempotent step again when its answer is not known", async () => {
    await using lab = await setUp();
    const request = { ...kind.step("one") };
    const earlier = [
      {
        jobId: "j",
        index: 0,
        attempt: 1,
        transport: name,
        request,
        idempotent: true,
        sentAt: 0,
        answeredAt: null,
        answer: null,
      },
    ];
    lab.bench.journal.entries.push(...earlier);
    const door = lab.bench.applying([{ ...kind.step("one"), idempotent: true }]);
    await door.ask("apply", {});
    expect([lab.writes(), door.unknownStep]).toEqual([["one"], null]);
  });

  test("sends a step that an earlier attempt could not send", async () => {
    await using lab = await setUp();
    const unsent = { ok: false, status: null, answer: { sent: false, error: "internal" }, ms: 0 };
    const facts = { jobId: "j", index: 0, attempt: 1, transport: name, idempotent: false, sentAt: 0, answeredAt: 0 };
    lab.bench.journal.entries.push({ ...facts, request: { ...kind.step("one") }, answer: unsent });
    const door = lab.bench.applying([kind.step("one")]);
    await door.ask("apply", {});
    expect([lab.writes(), door.unknownStep]).toEqual([["one"], null]);
  });

  test.each(["fence", "record", "journal"] as const)("sends nothing when the %s says no", async (which) => {
    await using lab = await setUp();
    const stop = (): never => {
      throw new SwitchyardError("internal", { detail: "stale" });
    };
    const journal = { earlier: [], sent: async () => stop(), answered: async () => undefined };
    const grant = { fence: { fence: stop }, record: { record: stop }, journal: { journal } }[which];
    const door = lab.bench.applying([kind.step("one")], grant);
    expect(await codeOf(door.ask("apply", {}))).toBe("internal");
    expect([lab.writes(), door.unknownStep]).toEqual([[], null]);
  });

  test("ends the plan at the first answer that is no success", async () => {
    await using lab = await setUp();
    const door = lab.bench.applying([kind.step("fail"), kind.step("two")]);
    expect(await door.ask("apply", {})).toHaveLength(1);
    expect(await codeOf(door.ask("apply", {}))).toBe("device_error");
    expect([lab.writes(), door.stepsDone, door.stepsLeft]).toEqual([["fail"], 0, 2]);
  });

  test("has one write in flight at a time", async () => {
    await using lab = await setUp();
    const door = lab.bench.door({ mode: "free" });
    await Promise.all(["one", "two", "three"].map((step) => kind.write(door, step)));
    const states = lab.bench.journal.events.map(({ meta }) => meta["state"]);
    expect(states).toEqual(["sent", "answered", "sent", "answered", "sent", "answered"]);
  });

  test("puts every write on the record, twice and without a secret", async () => {
    await using lab = await setUp();
    await lab.bench.applying([kind.step("one")]).ask("apply", {});
    const { events } = lab.bench.journal;
    const { transport } = kind.step("any");
    expect(events.map(({ phase, meta }) => [phase, meta["state"], meta["transport"]])).toEqual([
      ["write", "sent", transport],
      ["write", "answered", transport],
    ]);
    expect(JSON.stringify([events, lab.bench.journal.entries])).not.toContain(token);
  });

  test("refuses a handle wherever it does not belong, and sends nothing", async () => {
    await using lab = await setUp();
    const handle = lab.bench.session.handles["token"] ?? "";
    expect(() => lab.bench.normalise([kind.step(handle)])).toThrow(
      expect.objectContaining({ code: "handle_misplaced" }),
    );
    expect(await codeOf(kind.write(lab.bench.door({ mode: "free" }), handle))).toBe("handle_misplaced");
    expect(lab.writes()).toEqual([]);
  });

  test("cuts everything when the lease is lost, and works again when it is back", async () => {
    await using lab = await setUp();
    lab.hold();
    const door = lab.bench.applying([kind.step("one")]);
    const call = codeOf(door.ask("apply", {}));
    await expect.poll(() => lab.writes()).toEqual(["one"]);
    lab.bench.transports.shut();
    expect(await call).toBe("internal");
    expect(await codeOf(kind.read(door))).toBe("internal");
    expect(await codeOf(kind.read(lab.bench.door()))).toBe("internal");
    lab.bench.transports.reopen();
    expect(await kind.read(lab.bench.door())).toBeTruthy();
  });

  test("gives a write in flight its grace after a cancel, and nothing else", async () => {
    await using lab = await setUp();
    lab.hold();
    const cancel = new AbortController();
    const door = lab.bench.applying([kind.step("one")], { signal: cancel.signal, graceMs: 100 });
    const startedAt = performance.now();
    const call = codeOf(door.ask("apply", {}));
    await expect.poll(() => lab.writes()).toEqual(["one"]);
    cancel.abort();
    expect(await codeOf(kind.read(door))).toBe("job_cancelled");
    expect(await call).toBe("job_cancelled");
    await door.settled();
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(door.unknownStep).toBe(0);
  });

  test.each(["localhost", "127.1", "2130706433", "0x7f.0.0.1", "::ffff:127.0.0.1"])(
    "never reaches our own listeners, spelled %s",
    async (host) => {
      await using lab = await setUp();
      const ownListeners = () => [
        { host: "127.0.0.1", port: lab.device.port },
        { host: "::1", port: lab.device.port },
      ];
      await using bench = openBench(kind.facts(lab.device.port, host), { deps: { ownListeners } });
      expect(await codeOf(kind.read(bench.door()))).toBe("endpoint_not_allowed");
      expect(lab.device.connections).toBe(0);
    },
  );

  test("refuses operations and endpoints that are not there", async () => {
    await using lab = await setUp();
    expect(await codeOf(lab.bench.door().ask("ftp.get", {}))).toBe("driver_failed");
    expect(await codeOf(lab.bench.door().ask("constructor", {}))).toBe("driver_failed");
    const open = "tcp.open";
    const op = { http: "http.request", ssh: "ssh.close", snmp: "snmp.get", tcp: open, block: open }[name];
    const args = name === "snmp" ? { oids: ["1.3.6.1"] } : {};
    expect(await codeOf(lab.bench.door().ask(op, { ...args, transport: `${name}.other` }))).toBe(
      "endpoint_not_allowed",
    );
    expect(await codeOf(lab.bench.door().ask(op, { ...args, transport: "__proto__" }))).toBe("endpoint_not_allowed");
  });
});
