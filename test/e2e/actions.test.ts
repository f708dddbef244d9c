/** Actions as a client asks for them: what is refused, planned, applied and undone. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import type { Asked } from "../kit/caller.ts";
import { type PlanView, usePowerBench } from "../kit/power-bench.ts";
import { until } from "../kit/system.ts";

const bench = usePowerBench();
const { act, add, fresh, planOf, seen, send, undo, writes } = bench;

describe("what is refused before there is a job", () => {
  it.each<[string, Asked]>([
    ["capability_unsupported", { capability: "vm.fly", verb: "start" }],
    ["capability_unsupported", { capability: "inventory.list", verb: "list" }],
    ["verb_unsupported", { verb: "explode" }],
    ["params_invalid", { capability: "vm.level", verb: "set", params: { level: "high" } }],
    ["params_invalid", { capability: "vm.level", verb: "set" }],
    ["params_invalid", { capability: "vm.level", verb: "set", params: { level: 1, more: 2 } }],
    ["dry_run_unsupported", { capability: "vm.label", verb: "set", dry_run: true }],
    ["dry_run_unsupported", { capability: "vm.label", verb: "read", dry_run: true }],
    ["confirmation_required", { verb: "reset" }],
    // What is never planned has no plan to apply, and none to stand for a word of consent.
    ["dry_run_unsupported", { capability: "vm.label", verb: "set", plan_id: "pln_none" }],
    ["dry_run_unsupported", { capability: "vm.label", verb: "read", plan_id: "pln_none" }],
  ])("%s", async (code, asked) => {
    const answer = await act(asked);
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body.job_id).toBeUndefined();
    expect(seen()).toEqual([]);
  });
  it("target_unsupported", async () => {
    const target = { type: "host", id: "1" };
    const path = `/api/integrations/instances/${bench.instance}/actions`;
    expect((await send("POST", path, { capability: "vm.power", verb: "start", target })).body.code).toBe(
      "target_unsupported",
    );
  });
});

describe("a plan", () => {
  it("shows what it would do and changes nothing, however often it is made", async () => {
    const target = fresh();
    const first = await planOf({ verb: "start", target });
    const second = await planOf({ verb: "start", target });
    expect(second).toMatchObject({ ok: true, pinned: true, plan_hash: first.plan_hash });
    expect(second.plan_id).not.toBe(first.plan_id);
    expect(Date.parse(first.expires_at) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(writes()).toEqual([]);
  });
  it("is applied once, and then it is used", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ verb: "start", target });
    const ran = await act({ verb: "start", target, plan_id });
    expect(ran.body).toMatchObject({ state: "succeeded", result: { pinned: true, plan_id, steps_done: 1 } });
    expect(await act({ verb: "start", target, plan_id })).toMatchObject({ status: 409, body: { code: "plan_used" } });
    expect(writes()).toEqual([`POST /${target}/start`]);
    const plan = await bench.system.call("GET", `/api/plans/${plan_id}`);
    expect(JSON.stringify(plan.body)).toContain(ran.body.id);
  });
  it("expires", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ verb: "start", target });
    const store = await openStore({ url: join(bench.system.dataDir, "switchyard.db") });
    await store.write(function* () {
      yield { on: () => ({ sql: "update plans set expires_at = 1 where id = ?", parameters: [plan_id] }) };
    });
    await store.close();
    expect(await act({ verb: "start", target, plan_id })).toMatchObject({
      status: 409,
      body: { code: "plan_expired" },
    });
    expect(writes()).toEqual([]);
  });
  it("serves one of two jobs that come at once", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ capability: "vm.queue", verb: "add", target });
    const asked = { capability: "vm.queue", verb: "add", target, plan_id };
    const codes = (await Promise.all([act(asked), act(asked)])).map((answer) => bench.caller.codeOf(answer));
    expect(codes.sort()).toEqual(["plan_used", "succeeded"]);
    expect(writes()).toHaveLength(1);
  });
  it("is for one action only", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ verb: "start", target });
    for (const asked of [
      { verb: "stop", target },
      { verb: "start", target: fresh() },
    ]) {
      expect(await act({ ...asked, plan_id })).toMatchObject({ status: 409, body: { code: "plan_mismatch" } });
    }
    const elsewhere = await bench.caller.act(await add("second"), { verb: "start", target, plan_id });
    expect(elsewhere).toMatchObject({ status: 409, body: { code: "plan_mismatch" } });
    expect(bench.caller.codeOf(await act({ verb: "start", target, plan_id: "pln_none" }))).toMatch(
      /not_found|validation/,
    );
    expect(writes()).toEqual([]);
  });
  it("is looked at again when it is older than it may be: stale when the device changed, else as good as new", async () => {
    const [changed, same] = [fresh(), fresh()];
    const stale = await planOf({ verb: "start", target: changed });
    const good = await planOf({ verb: "start", target: same });
    bench.device.machine(changed).state = "paused";
    const made = Date.now();
    await until(() => (Date.now() - made > 1_100 ? true : undefined), "the plans to age");
    const refused = await act({ verb: "start", target: changed, plan_id: stale.plan_id });
    expect(refused).toMatchObject({ status: 409, body: { code: "plan_stale" } });
    expect((await act({ verb: "start", target: same, plan_id: good.plan_id })).status).toBe(200);
    expect(writes()).toEqual([`POST /${same}/start`]);
  });
  it.each([
    [
      "a precondition that does not hold",
      { locked: true },
      "not locked (A backup with [secret:token] runs)",
      "A backup with [secret:token] runs.",
    ],
    ["its own severity", { state: "broken" }, "gives no reason", '"error"'],
  ])("is never applied against %s, and says why", async (_, state, told, seen) => {
    const target = fresh();
    Object.assign(bench.device.machine(target), state);
    const planned = await act({ verb: "start", target, dry_run: true });
    expect(planned.body.state).toBe("succeeded");
    const refused = await act({ verb: "start", target });
    expect(refused).toMatchObject({ status: 409, body: { code: "plan_blocked" } });
    expect(JSON.stringify(refused.body)).toContain(told);
    expect(JSON.stringify(planned.body)).toContain(seen);
    const { plan_id } = planned.body.result as unknown as PlanView;
    expect(bench.caller.codeOf(await act({ verb: "start", target, plan_id }))).toBe("plan_blocked");
    expect(writes()).toEqual([]);
  });
  it("names a target that is not there", async () => {
    expect(await act({ verb: "start", target: "none" })).toMatchObject({
      status: 404,
      body: { code: "target_not_found" },
    });
  });
  it("stands for the confirmation of a destructive verb", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ verb: "reset", target });
    expect((await act({ verb: "reset", target, plan_id })).status).toBe(200);
    expect((await act({ verb: "reset", target, confirm: true })).status).toBe(200);
  });
});

describe("undo", () => {
  it("takes back what was done, by the inverse verb or with the recorded value", async () => {
    const target = fresh();
    const started = await act({ verb: "start", target });
    expect((await undo(started.body.id)).body).toMatchObject({ state: "succeeded", undo_of: started.body.id });
    const set = await act({ capability: "vm.level", verb: "set", target, params: { level: 7 } });
    expect((await undo(set.body.id)).body).toMatchObject({ state: "succeeded" });
    expect(bench.device.machine(target)).toMatchObject({ state: "stopped", level: 1 });
    expect(writes()).toEqual([
      `POST /${target}/start`,
      `POST /${target}/stop`,
      ...Array(2).fill(`POST /${target}/level`),
    ]);
  });
  it("is refused when the device shows something else by now", async () => {
    const target = fresh();
    const started = await act({ verb: "start", target });
    bench.device.machine(target).state = "paused";
    expect(await undo(started.body.id)).toMatchObject({ status: 409, body: { code: "undo_conflict" } });
    expect(writes()).toEqual([`POST /${target}/start`]);
  });
  it("is refused for what has no inverse, failed, or is not over", async () => {
    const target = fresh();
    const queued = await act({ capability: "vm.queue", verb: "add", target });
    expect((await undo(queued.body.id)).body.code).toBe("not_invertible");
    bench.device.machine(target).locked = true;
    const failed = await act({ verb: "start", target });
    expect((await undo(failed.body.job_id!)).body.code).toBe("not_invertible");
    const hold = bench.device.hold(`POST /${target}/level`);
    const { body } = await act({ capability: "vm.level", verb: "set", target, params: { level: 2 } }, { wait: 0 });
    expect((await undo(body.id)).body.code).toBe("job_not_settled");
    hold.release();
    expect(await bench.caller.settled(body.id)).toMatchObject({ state: "succeeded" });
  });
  it("needs a word for a destructive inverse", async () => {
    const target = fresh();
    const reset = await act({ verb: "reset", target, confirm: true });
    expect((await undo(reset.body.id)).body.code).toBe("confirmation_required");
    expect((await undo(reset.body.id, { confirm: true })).body.state).toBe("succeeded");
  });
});

describe("an instance whose settings changed", () => {
  it("refuses writes until it is tested, and a plan made before does not survive unseen", async () => {
    const other = await add("reviewed");
    const target = fresh();
    const path = `/api/integrations/instances/${other}`;
    await send("PATCH", path, { secrets: { token: "tok-another-one-71" } });
    expect((await bench.system.call("GET", path)).body["state"]).toBe("needs_review");
    expect(await bench.caller.act(other, { verb: "start", target })).toMatchObject({
      status: 409,
      body: { code: "needs_review" },
    });
    expect((await bench.caller.act(other, { verb: "start", target, dry_run: true })).status).toBe(200);
    expect((await bench.caller.act(other, { capability: "vm.label", verb: "read", target })).status).toBe(200);
    expect((await send("POST", `${path}/test`)).status).toBe(200);
    expect((await bench.caller.act(other, { verb: "start", target })).status).toBe(200);
    expect(bench.device.seen.at(-1)?.headers.authorization).toBe("Bearer tok-another-one-71");
  });
});

describe("verbs without a plan", () => {
  it("write within writes[] and are on record; read verbs write nothing and are no plan", async () => {
    const target = fresh();
    const set = await act({ capability: "vm.label", verb: "set", target, params: { text: "blue" } });
    expect(set.body).toMatchObject({ state: "succeeded", result: { pinned: false, steps_done: 2 } });
    expect(writes()).toEqual([`PUT /${target}/label`, `PUT /${target}/label`]);
    const journal = await bench.system.call<{ items: unknown[] }>("GET", `/api/jobs/${set.body.id}/journal`);
    expect(journal.body.items).toHaveLength(2);
    const read = await act({ capability: "vm.label", verb: "read", target });
    expect(read.body).toMatchObject({ state: "succeeded", result: { pinned: false, details: { label: "blue!" } } });
    expect(writes()).toHaveLength(2);
  });
  it("are reached by the vm route as well", async () => {
    const lifecycle = await send("POST", `/api/integrations/instances/${bench.instance}/vm/1/lifecycle`, {
      verb: "start",
    });
    expect(lifecycle).toMatchObject({ status: 400, body: { code: "capability_unsupported" } });
  });
});
