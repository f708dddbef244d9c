/** What is too large to be kept with a job is held back, or cut to what must be told. */
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import type { Job } from "../../src/model/job.ts";
import { cutTo, maxResultBytes, requireSmall } from "../../src/model/job-size.ts";
import { endOfFailure } from "../../src/workers/ending.ts";

const text = (length: number): string => "x".repeat(length);
const result = (members: object) => ({ ok: true, steps_done: 1, effects: { per_target: [] }, details: {}, ...members });
const effects = { per_target: [{ id: "1", from: "off", to: "on" }] };

describe("an answer that a job may keep", () => {
  it("has as many bytes as its JSON", () => {
    expect(() => requireSmall("The answer", text(maxResultBytes - 2))).not.toThrow();
    expect(() => requireSmall("The answer", "ä".repeat(maxResultBytes / 2))).toThrow(
      expect.objectContaining({
        code: "response_too_large",
        message: expect.stringMatching(/1 MiB.*Ask for less.*this\.artifact/),
        details: { bytes: maxResultBytes + 2, max_bytes: maxResultBytes },
      }),
    );
  });
});

describe("what must be told", () => {
  it("stays as it is while it fits", () => {
    const small = result({ details: { note: text(900) } });
    expect(cutTo(1_000, small)).toBe(small);
  });

  it("loses its details before its effects, even when these are larger", () => {
    const large = result({ effects: { ...effects, more: text(600) }, details: { note: text(500) } });
    expect(cutTo(1_000, large)).toEqual({ ...large, details: { cut: true, bytes: 511 } });
  });

  it("loses effects and words of any length, too, and keeps their form", () => {
    const large = result({ effects: { ...effects, more: text(5_000) }, task_id: text(5_000), details: text(5_000) });
    expect(cutTo(1_500, large)).toEqual({
      ...{ ok: true, steps_done: 1, task_id: text(500), details: text(500) },
      effects: { per_target: [], cut: true, bytes: expect.any(Number) },
    });
  });
});

describe("the error of a job", () => {
  it("is cut however much a driver gave", () => {
    const thrown = new SwitchyardError("device_error", {
      detail: text(1_000_000),
      details: { steps_done: 2, details: [text(1_000_000)] },
    });
    const stopError = (code: "job_cancelled" | "timed_out") => new SwitchyardError(code);
    const job = { triesUsed: 3, maxAttempts: 3 } as Job;
    expect(endOfFailure({ job, reason: null, thrown, journal: [], stopError })).toMatchObject({
      kind: "settle",
      error: { detail: text(16_384), details: { steps_done: 2, details: { cut: true, bytes: 1_000_004 } } },
    });
  });
});
