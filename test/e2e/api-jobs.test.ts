/** Jobs over HTTP: admission, waiting for the outcome, idempotency, cancel, retry, undo. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { findJob } from "../../src/store/jobs.ts";
import { insertPlan } from "../../src/store/plans.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampManifest, lampPlan, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const manifest: Manifest = {
  ...lampManifest,
  capabilities: [
    ...lampManifest.capabilities.filter(({ id }) => id !== "light.power"),
    {
      id: "light.power",
      verbs: ["on", "off", "read"],
      targets: ["lamp", "stack_member"],
      dry_run: "required",
      destructive: ["off"],
      invertible: { on: { inverse: "off" }, off: { inverse: "on" } },
    },
    { id: "vm.lifecycle", verbs: ["start"], targets: ["vm"], dry_run: "optional" },
  ],
};

interface JobBody {
  readonly id: string;
  readonly state: string;
  readonly kind: string;
  readonly input: Record<string, unknown>;
}

describe.skipIf(!hasRedis)("jobs over HTTP", () => {
  let bench: ApiBench;
  let lamp: Instance;
  let handle: (kind: string) => Promise<null | object>;
  beforeAll(async () => {
    bench = await openApiBench();
    bench.work((job) => handle(job.kind) as Promise<null>);
  });
  beforeEach(async () => {
    lamp = await seedLamp(bench.store, { type: { manifest } });
    handle = async () => ({ status: "connected" });
  });
  afterAll(() => bench.end());

  const url = (path = "") => `/api/integrations/instances/${lamp.id}${path}`;
  const action = (change: object = {}) => ({
    capability: "light.power",
    verb: "on",
    target: { type: "lamp", id: "1" },
    ...change,
  });
  const waiting = { prefer: "wait=10" };
  const fail = (error: SwitchyardError) => {
    handle = async () => {
      throw error;
    };
  };

  it("takes no half characters, wherever they stand", async () => {
    const ask = (body: object) => bench.json("POST", url("/actions"), { body, status: 400 });
    for (const [change, pointer] of [
      [{ target: { type: "lamp", id: "\ud800" } }, "/target/id"],
      [{ params: { note: ["fine", "\udc00x"] } }, "/params/note/1"],
      [{ params: { "\ud83d": 1 } }, "/params"],
    ] as const) {
      expect(await ask(action(change))).toMatchObject({ code: "validation_failed", errors: [{ pointer }] });
    }
    await bench.json("POST", url("/actions"), {
      body: action({ target: { type: "lamp", id: "\ud83d\ude00" } }),
      status: 202,
    });
  });

  it("answers 202 with the job and where it is", async () => {
    const response = await bench.ask("POST", url("/test"));
    expect(response.status).toBe(202);
    const job = (await response.json()) as JobBody;
    expect(response.headers.get("location")).toBe(`/api/jobs/${job.id}`);
    expect(job).toMatchObject({
      kind: "instance.test_connection",
      state: "queued",
      attempt: 0,
      max_attempts: expect.any(Number),
      started_at: null,
      requested_by: { name: "a admin", token_id: expect.stringMatching(/^tok_/) },
      subject: { instance_id: lamp.id, type_id: "acme.lamp" },
      links: { self: `/api/jobs/${job.id}`, events: `/api/jobs/${job.id}/events` },
    });
    expect(Date.parse((job as unknown as { created_at: string }).created_at)).toBeGreaterThan(0);
  });

  it("records debug events for those who ask", async () => {
    const { id } = await bench.json<JobBody>("POST", url("/test?debug=true"), { status: 202 });
    expect(await bench.store.read(() => findJob(id))).toMatchObject({ debug: true });
    expect((await bench.ask("POST", url("/test?debug=maybe"))).status).toBe(400);
  });

  it("waits for the outcome when asked to: the job, or the error's own answer", async () => {
    const response = await bench.ask("POST", url("/test"), { headers: waiting });
    expect(response.status).toBe(200);
    expect(response.headers.get("preference-applied")).toBe("wait=10");
    expect(await response.json()).toMatchObject({ state: "succeeded", result: { status: "connected" } });
    fail(new SwitchyardError("connection_refused", { detail: "Nothing listens there. Check the port." }));
    const failed = await bench.json<{ job_id: string }>("POST", url("/test"), { headers: waiting, status: 502 });
    expect(failed).toMatchObject({
      code: "connection_refused",
      detail: "Nothing listens there. Check the port.",
      job_id: expect.stringMatching(/^job_/),
    });
  });

  it("answers 202 when the time is over, and when the caller wants no wait", async () => {
    const gate = Promise.withResolvers<null>();
    handle = () => gate.promise;
    const headers = { prefer: "respond-async, wait=1" };
    expect(await bench.json("POST", url("/test"), { headers, status: 202 })).toMatchObject({ state: "running" });
    expect((await bench.ask("POST", url("/test"), { headers: { prefer: "wait=0" } })).status).toBe(202);
    gate.resolve(null);
  });

  it("gives the same job for the same key and request, and refuses the key for another", async () => {
    const headers = { "idempotency-key": `key ${lamp.id}` };
    const first = await bench.json<JobBody>("POST", url("/test"), { headers, status: 202 });
    const again = await bench.json<JobBody>("POST", url("/test?debug=true"), { headers, status: 202 });
    expect(again.id).toBe(first.id);
    const other = await bench.json("POST", url("/actions"), { headers, body: action(), status: 409 });
    expect(other).toMatchObject({ code: "idempotency_conflict", job_id: first.id });
    const mine = await bench.json<JobBody>("POST", url("/test"), {
      headers,
      token: bench.tokens.operator,
      status: 202,
    });
    expect(mine.id).not.toBe(first.id);
  });

  it("tells by a header that it joined a job that another request made, and not of a request that is sent again", async () => {
    const gate = Promise.withResolvers<null>();
    handle = () => gate.promise;
    const asked = (headers: Record<string, string>) =>
      bench.ask("POST", url("/inventory/refresh"), { headers, body: {} });
    const joined = [];
    for (const key of ["one", "one", "two", "two"]) {
      const response = await asked({ "idempotency-key": `${key} ${lamp.id}` });
      joined.push(response.headers.get("switchyard-joined"));
    }
    expect(joined).toEqual([null, null, "true", "true"]);
    expect((await asked({})).headers.get("switchyard-joined")).toBe("true");
    gate.resolve(null);
  });

  it("lists newest first, filters, and turns pages", async () => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.unshift((await bench.json<JobBody>("POST", url("/test"), { headers: waiting })).id);
    }
    const path = `/api/jobs?instance_id=${lamp.id}&state=succeeded&kind=instance.test_connection&type_id=acme.lamp&limit=2`;
    const first = await bench.json<{ items: JobBody[]; next_cursor: string }>("GET", path);
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const second = await bench.json<typeof first>("GET", `${path}&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ items: [{ id: ids[2] }], next_cursor: null });
    expect((await bench.ask("GET", "/api/jobs?cursor=nonsense")).status).toBe(400);
    const later = await bench.json<typeof first>("GET", `${path}&since=${new Date(Date.now() + 60_000).toISOString()}`);
    expect(later.items).toEqual([]);
  });

  it("cancels what did not start, and not what is over", async () => {
    const gate = Promise.withResolvers<null>();
    handle = () => gate.promise;
    const held = await Promise.all(
      Array.from({ length: 8 }, () => bench.json<JobBody>("POST", url("/test"), { status: 202 })),
    );
    const queued = await bench.json<JobBody>("POST", url("/test"), { status: 202 });
    const token = bench.tokens.viewer;
    expect((await bench.ask("POST", `/api/jobs/${queued.id}/cancel`, { token })).status).toBe(403);
    const cancelled = await bench.json<JobBody>("POST", `/api/jobs/${queued.id}/cancel`, { status: 202 });
    expect(cancelled.state).toBe("cancelled");
    const again = await bench.json("POST", `/api/jobs/${queued.id}/cancel`, { status: 409 });
    expect(again).toMatchObject({ code: "job_settled" });
    gate.resolve(null);
    expect(held).toHaveLength(8);
  });

  it("does a failed job again, as a new one that plans anew", async () => {
    fail(new SwitchyardError("driver_failed"));
    const plan = lampPlan(lamp.id);
    await bench.store.write(() => insertPlan(plan));
    const body = action({ plan_id: plan.id });
    const { job_id } = await bench.json<{ job_id: string }>("POST", url("/actions"), {
      body,
      headers: waiting,
      status: 502,
    });
    handle = async () => null;
    const again = await bench.json<JobBody>("POST", `/api/jobs/${job_id}/retry`, { headers: waiting });
    expect(again).toMatchObject({ kind: "action.run", retry_of: job_id, state: "succeeded" });
    expect(again.input["plan_id"]).toBeUndefined();
    expect(await bench.json("POST", `/api/jobs/${again.id}/retry`, { status: 409 })).toMatchObject({
      code: "not_retryable",
    });
  });

  it("takes back an action by its inverse, which is confirmed when it destroys", async () => {
    handle = async (kind) =>
      kind === "action.run" ? { ok: true, effects: { per_target: [{ id: "1", from: "off", to: "on" }] } } : null;
    const done = await bench.json<JobBody>("POST", url("/actions"), { body: action(), headers: waiting });
    expect(await bench.json("POST", `/api/jobs/${done.id}/undo`, { status: 400 })).toMatchObject({
      code: "confirmation_required",
    });
    const undo = await bench.json<JobBody>("POST", `/api/jobs/${done.id}/undo`, {
      body: { confirm: true },
      status: 202,
    });
    expect(undo).toMatchObject({
      kind: "action.run",
      undo_of: done.id,
      input: {
        instance_id: lamp.id,
        capability: "light.power",
        verb: "off",
        target: { type: "lamp", id: "1" },
        params: {},
      },
    });
    const test = await bench.json<JobBody>("POST", url("/test"), { headers: waiting });
    expect(await bench.json("POST", `/api/jobs/${test.id}/undo`, { status: 409 })).toMatchObject({
      code: "not_invertible",
    });
  });

  it("plans with dry_run, runs without, and refuses at the door what cannot be", async () => {
    const planned = await bench.json<JobBody>("POST", url("/actions"), {
      body: action({ dry_run: true }),
      status: 202,
    });
    expect(planned.kind).toBe("action.plan");
    const refuse = async (change: object, status = 400) =>
      (await bench.json<{ code: string }>("POST", url("/actions"), { body: action(change), status })).code;
    expect(await refuse({ capability: "inventory.list" })).toBe("capability_unsupported");
    expect(await refuse({ verb: "explode" })).toBe("verb_unsupported");
    expect(await refuse({ target: { type: "vm", id: "1" } })).toBe("target_unsupported");
    expect(await refuse({ verb: "off" })).toBe("confirmation_required");
    expect(await refuse({ capability: "light.dim", verb: "set", params: { level: 200 } })).toBe("params_invalid");
    expect(await refuse({ capability: "light.dim", verb: "set", params: { level: 2 }, dry_run: true })).toBe(
      "dry_run_unsupported",
    );
    expect(await refuse({ dry_run: true, plan_id: "pln_1" })).toBe("validation_failed");
    expect(await refuse({ surprise: true })).toBe("validation_failed");
    const vm = await bench.json<JobBody>("POST", url("/vm/10%2F1/lifecycle"), { body: { verb: "start" }, status: 202 });
    expect(vm.input).toMatchObject({ capability: "vm.lifecycle", target: { type: "vm", id: "10/1" } });
  });

  it("keeps viewers from doing anything", async () => {
    const token = bench.tokens.viewer;
    for (const path of ["/test", "/inventory/refresh"])
      expect((await bench.ask("POST", url(path), { token })).status).toBe(403);
    expect((await bench.ask("POST", url("/actions"), { token, body: action() })).status).toBe(403);
  });

  it("has an empty journal for a job that wrote nothing, and no job for a wrong id", async () => {
    const { id } = await bench.json<JobBody>("POST", url("/test"), { headers: waiting });
    expect(await bench.json("GET", `/api/jobs/${id}/journal`)).toEqual({ items: [], next_cursor: null });
    for (const path of ["/api/jobs/job_none", "/api/jobs/%00", "/api/plans/pln_none"]) {
      expect((await bench.ask("GET", path)).status).toBe(404);
    }
  });
});
