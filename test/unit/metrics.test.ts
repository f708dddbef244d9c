/** The figures of several processes, shown as one text. */
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

  it("of processes that have a name stand apart, so that one that ends makes no sum fall", async () => {
    const [api, one, other] = ["api-1", "worker-1", "worker-2"].map((process) => createMetrics({ process }));
    if (!api || !one || !other) throw new Error("expected three processes");
    one.jobSettled("action.run", "failed", 1);
    other.jobSettled("action.run", "failed", 1);
    const series = (process: string) =>
      `switchyard_jobs_settled_total{kind="action.run",state="failed",process="${process}"} 1`;
    const both = await api.text([await one.snapshot(), await other.snapshot()]);
    expect(both).toContain(series("worker-1"));
    expect(both).toContain(series("worker-2"));
    expect(await api.text([await one.snapshot()])).not.toContain("worker-2");
  });

  it("of the whole system are shown once, by whoever is asked, and forget what is gone", async () => {
    const [api, other] = [createMetrics({ process: "api-1" }), createMetrics({ process: "api-2" })];
    const queues = { interactive: { waiting: 3, active: 1 } };
    other.system({ redis: true, store: true, workers: 2, queues });
    api.system({ redis: true, store: false, workers: 2, queues });
    const text = await api.text([await other.snapshot()]);
    expect(text.match(/^switchyard_workers /gm)).toHaveLength(1);
    expect(text).toContain('switchyard_queue_jobs{queue="interactive",state="waiting"} 3');
    expect(text).toContain("switchyard_store_up 0");
    api.system({ redis: false, store: true, workers: 0 });
    expect(await api.text()).not.toContain("switchyard_queue_jobs{");
  });

  it("that nothing has raised yet show as 0, so that their first rise is seen", async () => {
    const outcomes = { kinds: ["action.run"], states: ["unknown_outcome"], kills: ["timed_out"], refusals: ["x"] };
    const text = await createMetrics({ outcomes }).text();
    expect(text).toContain('switchyard_jobs_settled_total{kind="action.run",state="unknown_outcome"} 0');
    expect(text).toContain('switchyard_sandbox_kills_total{reason="timed_out"} 0');
    expect(text).toContain('switchyard_calls_refused_total{code="x"} 0');
  });

  it("that cannot be read are left out, and the rest is shown", async () => {
    const [api, worker] = [createMetrics(), createMetrics()];
    worker.jobAdmitted("action.run");
    const text = await api.text(["[]", "what is this?", await worker.snapshot()]);
    expect(text).toContain('switchyard_jobs_admitted_total{kind="action.run"} 1');
  });

  it("take little room on their way", async () => {
    const worker = createMetrics({ process: "worker-1" });
    for (let index = 0; index < 50; index += 1) worker.jobSettled(`kind.${index}`, "succeeded", 1);
    expect((await worker.snapshot()).length).toBeLessThan(8_000);
  });

  it("each say what they are", async () => {
    const text = await createMetrics({ version: "1.2.3" }).text();
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name} [A-Z1]\\S* \\S+`, "m"));
    expect(text).toContain('switchyard_build_info{version="1.2.3"} 1');
  });
});
