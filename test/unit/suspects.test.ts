/** Who wore something out stands back for a while, and is forgiven. */
import { expect, it } from "vitest";
import { createSuspects } from "../../src/sandbox/suspects.ts";

it("suspects an instance whose sandbox wore out time or memory, for a minute", () => {
  let now = 1_000;
  const suspects = createSuspects(() => now);
  suspects.note("ins_a", "sandbox_out_of_memory");
  suspects.note("ins_b", "timed_out");
  suspects.note("ins_c", "job_cancelled");
  expect(["ins_a", "ins_b", "ins_c"].map((id) => suspects.has(id))).toEqual([true, true, false]);
  now += 60_001;
  expect(suspects.has("ins_a")).toBe(false);
  suspects.note("ins_b", "sandbox_out_of_memory");
  expect(suspects.has("ins_b")).toBe(true);
});
