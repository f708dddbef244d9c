/** The figures of several processes, shown as one. */
import { describe, expect, it } from "vitest";
import { createMetrics } from "../../src/metrics.ts";

describe("figures", () => {
  it("of other processes are summed with this one's", async () => {
    const [api, worker] = [createMetrics(), createMetrics()];
    api.jobAdmitted("action.run");
    worker.jobSettled("action.run", "succeeded", 0.3);
    worker.jobSettled("action.run", "succeeded", 0.2);
    const text = await api.text([await worker.snapshot()]);
    expect(text).toContain('switchyard_jobs_admitted_total{kind="action.run"} 1');
    expect(text).toContain('switchyard_jobs_settled_total{kind="action.run",state="succeeded"} 2');
    expect(text).toContain('switchyard_job_run_seconds_sum{kind="action.run"} 0.5');
  });
});
