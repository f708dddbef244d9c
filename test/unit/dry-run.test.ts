/** What a driver answers to a dry run, and why a plan may not be applied. */
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { asDryRunResult } from "../../src/model/dry-run.ts";
import type { Json } from "../../src/model/json.ts";
import { whyBlocked } from "../../src/model/plan-block.ts";

const answer = (change: Record<string, Json>): Json => ({
  ok: false,
  severity: "info",
  preconditions: [],
  plan: { kind: "api", steps: [] },
  effects: { summary: "one write", per_target: [] },
  ...change,
});
const preconditionsOf = (preconditions: Json) => asDryRunResult(answer({ preconditions })).preconditions;
const why = (change: Record<string, Json>) => whyBlocked(asDryRunResult(answer(change)));

describe("an answer to a dry run", () => {
  it("with another severity is told the three that there are", () => {
    const thrown = (() => {
      try {
        asDryRunResult(answer({ severity: "warning" }));
      } catch (error) {
        return error as SwitchyardError;
      }
      return undefined;
    })();
    expect(thrown).toBeInstanceOf(SwitchyardError);
    expect(thrown).toMatchObject({
      code: "response_invalid",
      message: expect.stringContaining('/severity expected one of "info", "warn", "error", got "warning"'),
    });
  });

  it("says why a precondition holds or not as details or as a message", () => {
    expect(preconditionsOf([{ check: "a", ok: false, details: "locked" }])).toEqual([
      { check: "a", ok: false, details: "locked" },
    ]);
    expect(preconditionsOf([{ check: "a", ok: false, message: "locked", details: null }])).toEqual([
      { check: "a", ok: false, details: "locked" },
    ]);
    expect(preconditionsOf([{ check: "a", ok: false, message: "locked", details: { by: "backup" } }])).toEqual([
      { check: "a", ok: false, details: { message: "locked", by: "backup" } },
    ]);
    expect(preconditionsOf([{ check: "a", ok: true, message: null }])).toEqual([{ check: "a", ok: true }]);
  });
});

describe("a plan that may not be applied", () => {
  it("says which preconditions do not hold, and why", () => {
    const preconditions = [
      { check: "exists", ok: true, details: "as vm/1" },
      { check: "not_locked", ok: false, message: "A backup runs." },
      { check: "has_room", ok: false, details: { free: 1 } },
      { check: "known", ok: false },
    ];
    expect(why({ preconditions })).toBe(
      'These preconditions do not hold: not_locked (A backup runs), has_room ({"free":1}), known.',
    );
  });

  it("says the driver's own reason before all", () => {
    expect(why({ reason: "It is Sunday." })).toBe("It is Sunday.");
    expect(why({})).toBe("The driver says that it cannot be applied, and gives no reason.");
    expect(why({ ok: true, severity: "error" })).toBe(
      "The driver says that it cannot be applied, and gives no reason.",
    );
  });

  it("is none where all holds", () => {
    expect(why({ ok: true, preconditions: [{ check: "a", ok: true, details: "yes" }] })).toBe(null);
    expect(why({ ok: true, severity: "warn" })).toBe(null);
  });

  it("does not say a book", () => {
    const preconditions = [{ check: "a", ok: false, details: "x".repeat(5000) }];
    expect(why({ preconditions })?.length).toBeLessThan(400);
  });
});
