/** Actions that meet each other, are cancelled, done again, or carry a secret. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Answer, JobView } from "../kit/caller.ts";
import { type PlanView, usePowerBench } from "../kit/power-bench.ts";
import { until } from "../kit/system.ts";

const bench = usePowerBench();
const { act, fresh, planOf, seen, send, writes } = bench;

describe("the same action twice", () => {
  it("joins the open one by its key fields; with other parameters it is a conflict", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const level = (n: number) =>
      act({ capability: "vm.level", verb: "set", target, params: { level: n } }, { wait: 0 });
    const first = await level(3);
    const joined = await level(3);
    expect(joined).toMatchObject({ status: 202, body: { id: first.body.id } });
    expect(await level(4)).toMatchObject({ status: 409, body: { code: "action_conflict" } });
    hold.release();
    expect(await bench.caller.settled(first.body.id)).toMatchObject({ state: "succeeded" });
    expect((await level(4)).body.id).not.toBe(first.body.id);
    await until(() => (bench.device.machine(target).level === 4 ? true : undefined), "the second level");
    expect(writes()).toHaveLength(2);
  });
  it("is one job under one idempotency key, also when it is over; another request under it is a conflict", async () => {
    const target = fresh();
    const asked = { capability: "vm.queue", verb: "add", target, params: { n: 1 } };
    const headers = { "idempotency-key": `key-${target}` };
    const answers = await Promise.all(Array.from({ length: 8 }, () => act(asked, { headers })));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await act(asked, { headers })).body.id).toBe(answers[0]?.body.id);
    const other = await act({ ...asked, params: { n: 2 } }, { headers });
    expect(other).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
    expect(writes()).toEqual([`POST /${target}/queue`]);
  });
});

describe("locks", () => {
  it("let one action at a time onto a target, in the order of their admission, and others past", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { body } = await act({ capability: "vm.queue", verb: "add", target, params: { n } }, { wait: 0 });
      ids.push(body.id);
    }
    await until(() => (hold.held === 1 ? true : undefined), "the first write");
    expect((await act({ capability: "vm.queue", verb: "add", target: fresh() })).status).toBe(200);
    const waiting = await until(async () => {
      const jobs = await Promise.all(ids.slice(1).map((id) => bench.caller.job(id)));
      return jobs.every((job) => job.waiting_for !== undefined) ? jobs : undefined;
    }, "the others to wait");
    for (const job of waiting) {
      expect(job).toMatchObject({ state: "queued", waiting_for: { kind: "lock", held_by: ids[0] } });
      expect(String(job.waiting_for?.["lock"])).toContain(target);
    }
    expect(hold.held).toBe(1);
    hold.release();
    for (const id of ids) expect(await bench.caller.settled(id)).toMatchObject({ state: "succeeded" });
    const order = seen()
      .filter(({ method, url }) => method === "POST" && url.includes(`/${target}/`))
      .map(({ body }) => (JSON.parse(body) as { n: number }).n);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
  it("on an instance wait for its targets, and hold them back", async () => {
    const [first, second] = [fresh(), fresh()];
    const hold = bench.device.hold(`POST /${first}/`);
    const one = await act({ capability: "vm.queue", verb: "add", target: first }, { wait: 0 });
    await until(() => (hold.held === 1 ? true : undefined), "the first write");
    const all = await act({ capability: "vm.all", verb: "add", target: second }, { wait: 0 });
    await until(
      async () => ((await bench.caller.job(all.body.id)).waiting_for ? true : undefined),
      "the instance lock to wait",
    );
    const after = await act({ capability: "vm.queue", verb: "add", target: second, params: { n: 9 } }, { wait: 0 });
    await until(
      async () => ((await bench.caller.job(after.body.id)).waiting_for ? true : undefined),
      "the line behind it",
    );
    expect(writes()).toEqual([`POST /${first}/queue`]);
    hold.release();
    for (const { body } of [one, all, after])
      expect(await bench.caller.settled(body.id)).toMatchObject({ state: "succeeded" });
    expect(writes()).toEqual([`POST /${first}/queue`, `POST /${second}/queue`, `POST /${second}/queue`]);
    expect(bench.device.seen.at(-1)?.body).toBe('{"n":9}');
  });
});

describe("cancel and retry", () => {
  const cancel = (id: string): Promise<Answer> => send("POST", `/api/jobs/${id}/cancel`);
  it("a queued job is cancelled at once and gives its place in the line up", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const asked = { capability: "vm.queue", verb: "add", target };
    const [first, second, third] = [
      await act(asked, { wait: 0 }),
      await act(asked, { wait: 0 }),
      await act(asked, { wait: 0 }),
    ];
    await until(() => (hold.held === 1 ? true : undefined), "the first write");
    expect((await cancel(second.body.id)).status).toBe(202);
    expect(await bench.caller.job(second.body.id)).toMatchObject({
      state: "cancelled",
      error: { code: "job_cancelled" },
    });
    expect((await cancel(second.body.id)).body.code).toBe("job_settled");
    hold.release();
    for (const { body } of [first, third])
      expect(await bench.caller.settled(body.id)).toMatchObject({ state: "succeeded" });
    expect(writes()).toHaveLength(2);
  });
  it("a running job gets its grace, says how far it got, frees its target, and is done again by a retry", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const { body } = await act({ verb: "start", target }, { wait: 0 });
    await until(() => (hold.held === 1 ? true : undefined), "the write");
    expect((await cancel(body.id)).status).toBe(202);
    expect(await bench.caller.settled(body.id)).toMatchObject({
      state: "cancelled",
      error: { code: "job_cancelled", details: { outcome: "unknown", steps_done: 0 } },
    });
    hold.release();
    const retried = await send("POST", `/api/jobs/${body.id}/retry`);
    expect(retried.body).toMatchObject({ state: "succeeded", retry_of: body.id });
    expect((await send("POST", `/api/jobs/${retried.body.id}/retry`)).body.code).toBe("not_retryable");
    expect(writes()).toEqual([`POST /${target}/start`, `POST /${target}/start`]);
  });
  it("a retry of an action with a plan plans anew", async () => {
    const target = fresh();
    const { plan_id } = await planOf({ verb: "start", target });
    bench.device.machine(target).state = "paused";
    const made = Date.now();
    await until(() => (Date.now() - made > 1_100 ? true : undefined), "the plan to age");
    const stale = await act({ verb: "start", target, plan_id });
    expect(stale.body.code).toBe("plan_stale");
    const retried = await send("POST", `/api/jobs/${stale.body.job_id}/retry`);
    expect(retried.body).toMatchObject({ state: "succeeded" });
    expect(retried.body.result?.["plan_id"]).not.toBe(plan_id);
  });
});

describe("a secret parameter", () => {
  const password = "pw-3f0c8a17de9944b2";
  const filesBelow = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  it("reaches the device, and is seen nowhere else", async () => {
    const target = fresh();
    const asked = { capability: "vm.level", verb: "set", target, params: { level: 5, password } };
    const planned = await act({ ...asked, dry_run: true });
    expect(planned.body.state).toBe("succeeded");
    const { plan_id } = planned.body.result as unknown as PlanView;
    const ran = await act({ ...asked, plan_id });
    expect(ran.body.state).toBe("succeeded");
    expect(JSON.parse(bench.device.seen.at(-1)?.body ?? "")).toEqual({ level: 5, password });
    const { id } = ran.body;
    const shown = await Promise.all([
      ...[`/api/jobs/${id}`, `/api/jobs/${id}/journal`, `/api/plans/${plan_id}`, `/api/jobs/${planned.body.id}`].map(
        async (path) => JSON.stringify((await bench.system.call("GET", path)).body),
      ),
      ...[id, planned.body.id].map(async (job) => JSON.stringify(await bench.system.watch(job))),
    ]);
    for (const text of [...shown, JSON.stringify([planned.body, ran.body]), bench.system.output()]) {
      expect(text).not.toContain(password);
    }
    expect(shown.join()).toContain("[secret:params.password]");
    for (const path of filesBelow(bench.system.dataDir))
      expect(readFileSync(path).includes(password), path).toBe(false);
  });
  it("is part of its plan: another value is not what was planned", async () => {
    const asked = { capability: "vm.level", verb: "set", target: fresh(), params: { level: 5, password } };
    const { plan_id } = await planOf(asked);
    const other = { ...asked, params: { level: 5, password: `${password}-other` }, plan_id };
    expect(await act(other)).toMatchObject({ status: 409, body: { code: "plan_mismatch" } });
    const without = { ...asked, params: { level: 5 }, plan_id };
    expect(await act(without)).toMatchObject({ status: 409, body: { code: "plan_mismatch" } });
    expect(writes()).toEqual([]);
    expect((await act({ ...asked, plan_id })).body.state).toBe("succeeded");
  });
  it("goes along with a retry", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const asked = { capability: "vm.level", verb: "set", target, params: { level: 6, password } };
    const { body } = await act(asked, { wait: 0 });
    await until(() => (hold.held === 1 ? true : undefined), "the write");
    await send("POST", `/api/jobs/${body.id}/cancel`);
    await bench.caller.settled(body.id);
    hold.release();
    const retried = await send("POST", `/api/jobs/${body.id}/retry`);
    expect(retried.body.state).toBe("succeeded");
    expect(JSON.parse(bench.device.seen.at(-1)?.body ?? "")).toEqual({ level: 6, password });
  });
});

describe("a hundred actions at once", () => {
  it("all end, each written once", async () => {
    const targets = Array.from({ length: 10 }, fresh);
    const jobs = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        act({ capability: "vm.queue", verb: "add", target: targets[n % 10] ?? "", params: { n } }, { wait: 0 }),
      ),
    );
    const ended: JobView[] = await Promise.all(jobs.map(({ body }) => bench.caller.settled(body.id)));
    expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
    const sent = seen().filter(({ method }) => method === "POST");
    expect(new Set(sent.map(({ body }) => body)).size).toBe(100);
    expect(sent).toHaveLength(100);
  });
});
