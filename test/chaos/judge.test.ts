/** The judge of a chaos round finds each kind of damage, and finds none where there is none. */
import { describe, expect, it } from "vitest";
import type { SseLine } from "../kit/system.ts";
import { isClean, judge, type SeenJob, type SeenRound } from "./kit/judge.ts";
import { isAllClean, tableOf } from "./kit/report.ts";

const line = (id: number, event = "job.event", data: SseLine["data"] = { message: `line ${id}` }): SseLine => ({
  id,
  event,
  data,
});
const whole = [line(1), line(2), line(3, "job.done")];
const writes = { prefix: "queue 7 ", parts: 2, isRepeatable: false };

const job = (changes: Partial<SeenJob> = {}): SeenJob => ({
  id: "job_1",
  name: "run",
  state: "succeeded",
  writes,
  effects: ["queue 7 1", "queue 7 2"],
  late: [],
  meetsDevice: true,
  journalled: 2,
  watched: whole,
  replayed: whole,
  ...changes,
});
const round = (changes: Partial<SeenRound> = {}): SeenRound => ({
  jobs: [job()],
  refusals: [],
  unsettled: [],
  releases: [],
  orphans: [],
  leftovers: [],
  mayFail: false,
  ...changes,
});
const found = (changes: Partial<SeenRound>): string[] =>
  Object.entries(judge(round(changes))).flatMap(([charge, findings]) => findings.map(() => charge));

describe("a round in which every promise was kept", () => {
  it("is clean", () => {
    expect(isClean(judge(round()))).toBe(true);
  });

  it("may have an outcome that nobody knows, when a write may not be repeated", () => {
    expect(found({ jobs: [job({ state: "unknown_outcome", effects: ["queue 7 1"], journalled: 1 })] })).toEqual([]);
  });

  it("may have failed jobs, when the device is at fault", () => {
    expect(found({ jobs: [job({ state: "failed" })], mayFail: true })).toEqual([]);
  });

  it("may repeat a write that may be repeated", () => {
    const twice = job({ writes: { ...writes, isRepeatable: true, parts: 1 }, effects: ["queue 7 1", "queue 7 1"] });
    expect(found({ jobs: [twice] })).toEqual([]);
  });
});

describe("a round in which a promise was broken", () => {
  it.each<[string, string, Partial<SeenRound>]>([
    ["an accepted job that nobody knows", "lost", { jobs: [job({ state: null })] }],
    ["a success without its write", "lost", { jobs: [job({ effects: ["queue 7 1"] })] }],
    ["a client that was refused", "lost", { refusals: ["409"] }],
    ["a write that landed twice", "doubled", { jobs: [job({ effects: ["queue 7 1", "queue 7 1", "queue 7 2"] })] }],
    ["a write that is in no journal", "doubled", { jobs: [job({ journalled: 1 })] }],
    ["a job that runs for ever", "stuck", { unsettled: ["job_2 is running"] }],
    ["a number that is missing", "gaps", { jobs: [job({ watched: [line(1), line(3, "job.done")] })] }],
    [
      "a number that came twice",
      "gaps",
      { jobs: [job({ watched: [line(1), line(1), line(2), line(3, "job.done")] })] },
    ],
    ["a watcher who was never told the end", "gaps", { jobs: [job({ watched: [line(1), line(2)] })] }],
    ["a replay that breaks off", "gaps", { jobs: [job({ replayed: [line(1), line(2)] })] }],
    [
      "a replay that tells another story",
      "gaps",
      { jobs: [job({ replayed: [line(1, "job.event", { message: "other" }), line(2), line(3, "job.done")] })] },
    ],
    [
      "a replay that says the same of another moment",
      "gaps",
      { jobs: [job({ replayed: [line(1, "job.event", { message: "line 1", at: 2 }), line(2), line(3, "job.done")] })] },
    ],
    ["a write that lands when its job has ended", "doubled", { jobs: [job({ late: ["queue 7 2"] })] }],
    [
      "a repeatable write that lands when its job has ended",
      "doubled",
      { jobs: [job({ writes: { ...writes, isRepeatable: true }, late: ["queue 7 2"] })] },
    ],
    [
      "a job that failed of a device that it does not meet",
      "failed",
      { jobs: [job({ state: "failed", meetsDevice: false })], mayFail: true },
    ],
    ["a job that failed", "failed", { jobs: [job({ state: "failed" })] }],
    [
      "a read whose outcome is unknown",
      "failed",
      { jobs: [{ ...job({ state: "unknown_outcome", effects: [] }), writes: { ...writes, isRepeatable: true } }] },
    ],
    ["a type without an active release", "left", { releases: ["none is active"] }],
    ["a process without a parent", "left", { orphans: ["switchyard-sandbox (7)"] }],
    ["a file that nobody will read", "left", { leftovers: ["uploads/x"] }],
  ])("shows %s", (_, charge, changes) => {
    expect(found(changes)).toEqual([charge]);
  });
});

describe("a run of all faults", () => {
  const tried = { fault: "disk full", rounds: [], broken: [] };

  it("is clean when every round was", () => {
    const verdict = judge(round());
    expect(isAllClean([{ ...tried, rounds: [{ verdict, jobs: 1, recoveryMs: 1, states: {} }] }])).toBe(true);
  });

  it("is not clean when a fault could not be tried, and says why", () => {
    const skipped = { ...tried, skipped: "only root may mount a small disk" };
    expect(isAllClean([skipped])).toBe(false);
    expect(tableOf([skipped])).toMatch(/disk full.*skipped: only root may mount a small disk/);
  });

  it("is not clean when a round could not be judged", () => {
    expect(isAllClean([{ ...tried, broken: ["the system did not start"] }])).toBe(false);
  });
});
