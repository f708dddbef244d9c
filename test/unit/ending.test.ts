/** The error of a job that wrote says what the device was told last, and what it said to that. */
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import type { Job } from "../../src/model/job.ts";
import type { JournalEntry } from "../../src/model/plan.ts";
import { endOfFailure, type StopReason } from "../../src/workers/ending.ts";

const entry = (index: number, body: string | null): JournalEntry => ({
  jobId: "job_1",
  index,
  attempt: 1,
  transport: "http",
  request: { method: "POST", path: `/step/${index}` },
  idempotent: false,
  sentAt: 1,
  answeredAt: body === null ? null : 2,
  answer: body === null ? null : { ok: true, status: 200, answer: { status: 200, headers: {}, body }, ms: 1 },
});

const refused = (index: number): JournalEntry => ({
  ...entry(index, ""),
  answer: { ok: false, status: 403, answer: { status: 403, headers: {}, body: "no" }, ms: 1 },
});

/** No byte of it left: the connection was refused. */
const unsent = (index: number): JournalEntry => ({
  ...entry(index, ""),
  answer: { ok: false, status: null, answer: { sent: false, error: "connection_refused" }, ms: 0 },
});

const end = (journal: readonly JournalEntry[], reason: StopReason | null) =>
  endOfFailure({
    job: { triesUsed: 1, maxAttempts: 3 } as Job,
    reason,
    thrown: new SwitchyardError("driver_failed"),
    journal,
    stopError: (code) => new SwitchyardError(code),
  });

describe("the end of an action that wrote", () => {
  it.each(["cancel", "timeout", null] as const)("after %s names the task that goes on at the device", (reason) => {
    const journal = [entry(0, "{}"), entry(1, '{"data":"UPID:pve1:0001"}')];
    expect(end(journal, reason)).toMatchObject({
      error: {
        details: {
          steps_done: 2,
          outcome: "partial",
          last_write: {
            step: 1,
            request: { path: "/step/1" },
            state: "answered",
            status: 200,
            answer: '{"data":"UPID:pve1:0001"}',
          },
        },
      },
    });
  });

  it("says of a write without an answer that it was sent, and of none nothing", () => {
    const sent = { steps_done: 1, outcome: "unknown", last_write: { step: 1, state: "sent" } };
    expect(end([entry(0, "{}"), entry(1, null)], "cancel")).toMatchObject({ error: { details: sent } });
    expect(end([entry(0, null), refused(1)], "cancel")).toMatchObject({
      error: { details: { steps_done: 0, outcome: "unknown" } },
    });
    expect(end([], "cancel")).not.toHaveProperty("error.details");
  });

  it("does not count what the device refused as done", () => {
    const told = { steps_done: 1, outcome: "partial", last_write: { step: 1, state: "answered", status: 403 } };
    expect(end([entry(0, "{}"), refused(1)], null)).toMatchObject({ error: { details: told } });
  });

  it("says nothing of a write of which no byte left", () => {
    expect(end([unsent(0)], null)).not.toHaveProperty("error.details");
    expect(end([unsent(0)], null)).not.toHaveProperty("error.detail", expect.stringContaining("was sent before"));
    expect(end([entry(0, "{}"), unsent(1)], null)).toMatchObject({
      error: {
        detail: expect.stringContaining("A write was sent before"),
        details: { steps_done: 1, last_write: { step: 0 } },
      },
    });
  });
});
