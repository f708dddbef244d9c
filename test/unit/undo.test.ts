/** Which action takes back another. */
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import type { Job } from "../../src/model/job.ts";
import type { Json } from "../../src/model/json.ts";
import type { Capability, Inverse } from "../../src/model/manifest.ts";
import { undoOf } from "../../src/model/undo.ts";

type Undone = Parameters<typeof undoOf>[0];

const capability = (invertible: Record<string, Inverse>): Capability => ({
  id: "port.power",
  verbs: ["set", "start", "stop"],
  targets: ["port"],
  invertible,
});

const job = (perTarget: { id: string; from: Json; to: Json }[], change: Partial<Job> = {}): Undone => ({
  id: "job_1",
  kind: "action.run",
  state: "succeeded",
  input: {
    instance_id: "ins_1",
    capability: "port.power",
    verb: "set",
    target: { type: "port", id: "1-2" },
    params: { state: "on", level: "high" },
  },
  result: { effects: { per_target: perTarget } },
  ...change,
});

const refusalOf = (act: () => unknown): SwitchyardError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return thrown;
  }
  throw new Error("expected a refusal");
};

describe("undo", () => {
  it("is the inverse verb on the same target", () => {
    const started = job([{ id: "1", from: "stopped", to: "running" }], {
      input: { ...job([]).input, verb: "start", params: {} },
    });
    expect(undoOf(started, capability({ start: { inverse: "stop" } }))).toEqual({
      capability: "port.power",
      verb: "stop",
      target: { type: "port", id: "1-2" },
      params: {},
    });
  });

  it("takes parameters from what was recorded before", () => {
    const inverse = { set: { inverse: "set", params: { level: { from: "/level" } } } };
    const before = job([{ id: "1", from: { level: "low" }, to: { level: "high" } }]);
    expect(undoOf(before, capability(inverse)).params).toEqual({ level: "low" });
  });

  it("takes a single recorded value as the parameter itself", () => {
    const inverse = { set: { inverse: "set", params: { level: { from: "/level" } } } };
    expect(undoOf(job([{ id: "1", from: "low", to: "high" }]), capability(inverse)).params).toEqual({ level: "low" });
  });

  it("maps the action's own parameters", () => {
    const inverse = { set: { inverse: "set", params: { state: { map: { on: "off", off: "on" } } } } };
    expect(undoOf(job([{ id: "1", from: "off", to: "on" }]), capability(inverse)).params).toEqual({ state: "off" });
  });

  it("takes targets with an equal past together", () => {
    const inverse = { set: { inverse: "set", params: { level: { from: "" } } } };
    const same = job([
      { id: "1", from: "low", to: "high" },
      { id: "2", from: "low", to: "high" },
    ]);
    expect(undoOf(same, capability(inverse))).toMatchObject({ target: { id: "1-2" }, params: { level: "low" } });
    const joined = { set: { ...inverse.set, join: "," } };
    expect(undoOf(same, capability(joined))).toMatchObject({ target: { id: "1-2" } });
  });

  it("refuses targets that were in different states, and says which", () => {
    const inverse = { set: { inverse: "set", params: { level: { from: "" } } } };
    const mixed = job([
      { id: "1", from: "low", to: "high" },
      { id: "2", from: "critical", to: "high" },
    ]);
    const refusal = refusalOf(() => undoOf(mixed, capability(inverse)));
    expect(refusal.code).toBe("not_invertible");
    expect(refusal.details["groups"]).toEqual([
      { targets: ["1"], from: "low", params: { level: "low" } },
      { targets: ["2"], from: "critical", params: { level: "critical" } },
    ]);
  });

  it("refuses targets that were in different states also when the inverse takes no parameters", () => {
    const mixed = job([
      { id: "1", from: "stopped", to: "running" },
      { id: "2", from: "suspended", to: "running" },
      { id: "3", from: "stopped", to: "running" },
    ]);
    const refusal = refusalOf(() => undoOf(mixed, capability({ set: { inverse: "shutdown" } })));
    expect(refusal.code).toBe("not_invertible");
    expect(refusal.details["groups"]).toEqual([
      { targets: ["1", "3"], from: "stopped", params: {} },
      { targets: ["2"], from: "suspended", params: {} },
    ]);
  });

  it("does not touch targets that the action left as they were", () => {
    const inverse = { set: { inverse: "set", params: { level: { from: "" } } } };
    const half = job([
      { id: "1", from: "low", to: "high" },
      { id: "2", from: "high", to: "high" },
    ]);
    expect(refusalOf(() => undoOf(half, capability(inverse))).code).toBe("not_invertible");
    const joined = { set: { ...inverse.set, join: "," } };
    const two = job([
      { id: "1", from: "low", to: "high" },
      { id: "2", from: "high", to: "high" },
      { id: "3", from: "low", to: "high" },
    ]);
    expect(undoOf(two, capability(joined))).toMatchObject({ target: { id: "1,3" }, params: { level: "low" } });
    const nothing = job([{ id: "1", from: "high", to: "high" }]);
    expect(refusalOf(() => undoOf(nothing, capability(inverse))).message).toContain("changed nothing");
  });

  it.each([
    ["a job that runs", { state: "running" }, "job_not_settled"],
    ["a job that failed", { state: "failed" }, "not_invertible"],
    ["a job of another kind", { kind: "action.plan" }, "not_invertible"],
  ] as const)("refuses %s", (_, change, code) => {
    const inverse = { set: { inverse: "set" } };
    expect(refusalOf(() => undoOf(job([], change), capability(inverse))).code).toBe(code);
  });

  it("refuses what has no inverse, or whose past is not known", () => {
    const before = job([{ id: "1", from: { other: 1 }, to: {} }]);
    expect(refusalOf(() => undoOf(before, capability({}))).code).toBe("not_invertible");
    expect(refusalOf(() => undoOf(before, undefined)).code).toBe("not_invertible");
    const inverse = { set: { inverse: "set", params: { level: { from: "/level" } } } };
    expect(refusalOf(() => undoOf(before, capability(inverse))).message).toContain("/level");
    const map = { set: { inverse: "set", params: { state: { map: { cycle: "cycle" } } } } };
    expect(refusalOf(() => undoOf(before, capability(map))).code).toBe("not_invertible");
  });
});
