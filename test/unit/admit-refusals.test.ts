/** Admission: what is refused, and what is one and the same request. */
import { describe, expect, it } from "vitest";
import { newId } from "../../src/model/ids.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { jobErrorOf } from "../../src/queue/tail.ts";
import { settleUnstarted } from "../../src/store/jobs.ts";
import { insertPlan } from "../../src/store/plans.ts";
import { removeType } from "../../src/store/types.ts";
import { dim, power, useAdmission } from "../kit/admission.ts";
import { lampPlan, seedLamp, somebody } from "../kit/fixtures.ts";

const { bench, ask } = useAdmission();
const refusal = (code: string) => expect.objectContaining({ code });

describe("what is refused", () => {
  it("names every problem of an input that does not fit its kind", async () => {
    await seedLamp(bench().store);
    const asked = ask("instance.test_connection", { instance_id: 4, extra: true });
    await expect(asked).rejects.toMatchObject({
      code: "validation_failed",
      errors: [{ pointer: expect.any(String) }, { pointer: expect.any(String) }],
    });
  });

  it.each(["acme.lamp", "../x", ""])("knows no type that is not installed: %j", async (typeId) => {
    await expect(ask("pack.validate", { type_id: typeId })).rejects.toEqual(refusal("not_found"));
  });

  it("knows no instance by what could not be its id", async () => {
    await expect(ask("instance.test_connection", { instance_id: "nope" })).rejects.toEqual(refusal("not_found"));
  });

  it("knows no plan that was never made, or of an instance that the caller may not know of", async () => {
    const { id } = await seedLamp(bench().store);
    const asked = ask("action.run", power(id, { plan_id: newId("pln", 1) }));
    await expect(asked).rejects.toMatchObject({ code: "not_found", message: expect.stringContaining("no plan pln_") });
    const hidden = lampPlan((await seedLamp(bench().store)).id);
    await bench().store.write(() => insertPlan(hidden));
    const limited = { principal: somebody({ instances: [id] }) };
    const elsewhere = ask("action.run", power(id, { plan_id: hidden.id }), limited);
    await expect(elsewhere).rejects.toMatchObject({ code: "not_found" });
    expect((await ask("action.run", power(id, { plan_id: hidden.id }))).isNew).toBe(true);
  });

  it("does nothing with an instance whose type is gone", async () => {
    const { id } = await seedLamp(bench().store);
    await bench().store.write(() => removeType({ id: "acme.lamp", now: 2, isRemoved: true }));
    for (const asked of [
      ask("instance.test_connection", { instance_id: id }),
      ask("instance.refresh_inventory", { instance_id: id }),
      ask("action.run", power(id)),
    ]) {
      await expect(asked).rejects.toEqual(refusal("type_unavailable"));
    }
  });

  it("refreshes declared target types only, and accepts their older spellings", async () => {
    const { id } = await seedLamp(bench().store);
    const unknown = ask("instance.refresh_inventory", { instance_id: id, type: "vm" });
    await expect(unknown).rejects.toEqual(refusal("target_type_unknown"));
    const { job } = await ask("instance.refresh_inventory", { instance_id: id, type: "stack-member" });
    expect(job.input).toEqual({ instance_id: id, type: "stack_member" });
  });

  it.each<[string, JsonObject]>([
    ["capability_unsupported", { capability: "light.colour" }],
    ["capability_unsupported", { capability: "inventory.list", verb: "list" }],
    ["verb_unsupported", { verb: "blink" }],
    ["target_unsupported", { target: { type: "vm", id: "1" } }],
    ["confirmation_required", { verb: "off" }],
    ["params_invalid", { capability: "light.dim", verb: "set" }],
    ["params_invalid", { capability: "light.dim", verb: "set", params: { level: 3, pin: "1" } }],
    ["params_invalid", { params: { note: `see swh_${"a".repeat(32)}` } }],
    ["validation_failed", { plan_id: 7 }],
  ])("an action: %s", async (code, change) => {
    const { id } = await seedLamp(bench().store);
    await expect(ask("action.run", power(id, change))).rejects.toEqual(refusal(code));
  });

  it("says all that is wrong with the parameters, with pointers", async () => {
    const { id } = await seedLamp(bench().store);
    await expect(ask("action.run", dim(id, { level: 200, pin: 12345, more: 1 }))).rejects.toMatchObject({
      code: "params_invalid",
      errors: expect.arrayContaining([
        expect.objectContaining({ pointer: "/params/level" }),
        expect.objectContaining({ pointer: "/params/pin" }),
      ]),
    });
    const shown = await ask("action.run", dim(id, { level: 3, pin: 12345 })).catch((error: unknown) => error);
    expect(JSON.stringify(shown)).not.toContain("12345");
  });

  it.each<[string, JsonObject]>([
    ["of a capability that cannot be planned", { capability: "light.dim", verb: "set", params: { level: 3 } }],
    ["of a verb that only reads", { verb: "read" }],
  ])("a plan %s", async (_what, change) => {
    const { id } = await seedLamp(bench().store);
    await expect(ask("action.plan", power(id, change))).rejects.toEqual(refusal("dry_run_unsupported"));
  });

  it("a destructive verb is run with a word or a plan, and is planned without", async () => {
    const { id } = await seedLamp(bench().store);
    const off = power(id, { verb: "off" });
    expect((await ask("action.plan", off)).isNew).toBe(true);
    expect((await ask("action.run", { ...off, confirm: true })).isNew).toBe(true);
    const plan = lampPlan(id);
    await bench().store.write(() => insertPlan(plan));
    const planned = { ...off, target: { type: "lamp", id: "2" }, plan_id: plan.id };
    expect((await ask("action.run", planned)).job.planId).toBe(plan.id);
  });

  it("writes wait for a test after a change; reads and plans do not", async () => {
    const { id } = await seedLamp(bench().store, { instance: { state: "needs_review" } });
    await expect(ask("action.run", power(id))).rejects.toEqual(refusal("needs_review"));
    expect((await ask("action.plan", power(id))).isNew).toBe(true);
    expect((await ask("action.run", power(id, { verb: "read" }))).isNew).toBe(true);
    expect((await ask("instance.test_connection", { instance_id: id })).isNew).toBe(true);
  });
});

describe("the same request again", () => {
  const keyed = { idempotencyKey: "k1", requestHash: "h1" };

  it("is the same job by its key, and another request under that key is refused", async () => {
    const { id } = await seedLamp(bench().store);
    const first = await ask("action.run", power(id), keyed);
    const second = await ask("action.run", power(id), keyed);
    expect(second).toEqual({ job: first.job, isNew: false });
    await expect(ask("action.run", power(id, { verb: "read" }), { ...keyed, requestHash: "h2" })).rejects.toEqual(
      refusal("idempotency_conflict"),
    );
  });

  it("stays accepted when it would be refused by now", async () => {
    const { id } = await seedLamp(bench().store);
    const { job } = await ask("action.run", power(id), keyed);
    await bench().store.write(() => removeType({ id: "acme.lamp", now: 2, isRemoved: true }));
    const again = await ask("action.run", power(id), keyed);
    expect(again.isNew).toBe(false);
    expect(again.job.id).toBe(job.id);
    await expect(ask("action.run", power(id), { ...keyed, idempotencyKey: "k2" })).rejects.toEqual(
      refusal("type_unavailable"),
    );
  });

  it("joins an open refresh of the same type or of everything", async () => {
    const { id } = await seedLamp(bench().store);
    const all = await ask("instance.refresh_inventory", { instance_id: id });
    const one = await ask("instance.refresh_inventory", { instance_id: id, type: "lamp" });
    expect(one).toEqual({ job: all.job, isNew: false });
    await bench().store.write(() =>
      settleUnstarted({ id: all.job.id, state: "cancelled", error: jobErrorOf("job_cancelled", "Cancelled."), now: 5 }),
    );
    const alone = await ask("instance.refresh_inventory", { instance_id: id, type: "lamp" });
    expect(alone.isNew).toBe(true);
    expect((await ask("instance.refresh_inventory", { instance_id: id })).isNew).toBe(true);
  });

  it("joins an open action with the same key fields, and refuses one that differs elsewhere", async () => {
    const { id } = await seedLamp(bench().store);
    const first = await ask("action.run", power(id));
    expect(await ask("action.run", power(id))).toEqual({ job: first.job, isNew: false });
    await expect(ask("action.run", power(id, { params: { slowly: true } }))).rejects.toEqual(
      refusal("action_conflict"),
    );
    const plan = lampPlan(id);
    await bench().store.write(() => insertPlan(plan));
    await expect(ask("action.run", power(id, { plan_id: plan.id }))).rejects.toEqual(refusal("action_conflict"));
    expect((await ask("action.run", power(id, { target: { type: "lamp", id: "2" } }))).isNew).toBe(true);
    expect((await ask("action.run", power(id, { verb: "read" }))).isNew).toBe(true);
  });

  it("is not joined when the capability names no key fields, nor when it is a plan", async () => {
    const { id } = await seedLamp(bench().store);
    expect((await ask("action.run", dim(id, { level: 3 }))).isNew).toBe(true);
    expect((await ask("action.run", dim(id, { level: 3 }))).isNew).toBe(true);
    expect((await ask("action.plan", power(id))).isNew).toBe(true);
    expect((await ask("action.plan", power(id))).isNew).toBe(true);
  });
});
