/** How each list of jobs finds its rows: which index both databases walk, and that none sorts or reads them all. */
import { expect, it } from "vitest";
import { jobStates } from "../../src/model/job.ts";
import {
  type JobFilter,
  listJobs,
  notEnqueued,
  openJobsOf,
  openTails,
  orphanedJobs,
  overdueJobs,
  pruneJobs,
  runningJobs,
  unsettledJobs,
} from "../../src/store/jobs.ts";
import type { Outcome, Statement, Unit } from "../../src/store/unit.ts";
import { describeStores, type StoreBench } from "../kit/stores.ts";

const subjects = {
  instance: { instanceId: "ins_1" },
  type: { typeId: "a.b" },
  kind: { kind: "action.run" },
} satisfies Record<string, Partial<JobFilter>>;

/** Every combination of what a job may be about, with the one that leads. */
const combinations = (): { readonly lead: keyof typeof subjects | undefined; readonly filter: Partial<JobFilter> }[] =>
  Array.from({ length: 8 }, (_, bits) => {
    const names = (["instance", "type", "kind"] as const).filter((_name, place) => (bits >> place) % 2 === 1);
    return { lead: names[0], filter: Object.assign({}, ...names.map((name) => subjects[name])) };
  });

const isUnsuccessful = (state: string | undefined): boolean =>
  state !== undefined && !["queued", "running", "retrying", "succeeded"].includes(state);

const indexOf = (lead: string | undefined, { state, by }: Partial<JobFilter>): string => {
  if (state === "queued") return "jobs_open";
  if (state === "running" || state === "retrying") return "jobs_begun";
  if (isUnsuccessful(state)) return lead === undefined ? "jobs_failed" : `jobs_failed_by_${lead}`;
  if (lead === undefined) return by === undefined ? "by id" : "jobs_asked";
  return `jobs_by_${lead}`;
};

/** What a list asks before it walks, and the walk itself. */
const statementsOf = (unit: Unit<unknown>, bench: StoreBench): Statement[] => {
  const statements: Statement[] = [];
  for (let step = unit.next(); !step.done; ) {
    const statement = step.value.on(bench.dialect);
    statements.push(statement);
    const isQuestion = /recursive|select "type_id"/.test(statement.sql);
    step = unit.next({ rows: isQuestion ? [{ kind: "action.run", type_id: "a.b" }] : [], changes: 0 });
  }
  return statements;
};

function* explained({ sql, parameters }: Statement, dialect: string): Unit<string> {
  const plain = (text: string) => ({ on: () => ({ sql: text, parameters: [] }) });
  if (dialect === "postgres") {
    // The planner reads small tables whole and sorts them, whatever indexes there are.
    for (const way of ["seqscan", "bitmapscan", "sort"]) yield plain(`set local enable_${way} = off`);
  }
  const explain = dialect === "sqlite" ? "explain query plan" : "explain";
  const { rows }: Outcome = yield { on: () => ({ sql: `${explain} ${sql}`, parameters }) };
  return rows.map((row) => row["detail"] ?? row["QUERY PLAN"]).join("\n");
}

const plansOf = async (bench: StoreBench, unit: Unit<unknown>): Promise<string[]> => {
  const plans: string[] = [];
  for (const statement of statementsOf(unit, bench)) {
    plans.push(await bench.store.write(() => explained(statement, bench.dialect)));
  }
  return plans;
};

/** The index on jobs that a plan uses: only where it is searched or walked in its order. */
const usedIndex = (plan: string): string => {
  if (/TEMP B-TREE|\bSort\b|Seq Scan|SCAN jobs$/m.test(plan)) return plan;
  const name =
    / jobs USING (?:COVERING )?INDEX (\w+)|using (\w+) on jobs {2}/.exec(plan)?.slice(1).find(Boolean) ?? plan;
  return /sqlite_autoindex_jobs_1|jobs_id_key/.test(name) ? "by id" : name;
};

const pages: readonly Partial<JobFilter>[] = [
  {},
  { cursor: Buffer.from("1000:job_01").toString("base64url") },
  { since: 1_000 },
  { since: 1_000, cursor: Buffer.from("1000:job_01").toString("base64url") },
  { since: 1_000, before: 2_000, by: "token" },
];

const lists = [undefined, ...jobStates].flatMap((state) =>
  combinations().flatMap(({ lead, filter }) =>
    pages.map((page) => {
      const asked: JobFilter = { ...filter, ...page, ...(state === undefined ? {} : { state }), limit: 50 };
      return { asked, index: indexOf(lead, asked) };
    }),
  ),
);

describeStores("the way to a list of jobs", (bench) => {
  it("is one index for each combination of filters, without sorting", async () => {
    for (const { asked, index } of lists) {
      const plans = await plansOf(bench, listJobs(asked));
      const used = plans.map(usedIndex);
      expect(used.pop(), `${JSON.stringify(asked)}\n${plans.join("\n")}`).toBe(index);
      // What it asks before, the kinds of an instance or a type, is a search in the same index.
      for (const name of used) expect(["jobs_by_instance", "jobs_by_type"]).toContain(name);
    }
  });

  it("is a small index for what is still to do", async () => {
    const older = { olderThan: 1_000, limit: 10 };
    const ways: [Unit<unknown>, string][] = [
      [unsettledJobs({ limit: 10, after: 5 }), "jobs_open"],
      [openJobsOf("ins_1"), "jobs_open"],
      [runningJobs({ limit: 10 }), "jobs_begun"],
      [overdueJobs(older), "jobs_begun"],
      [orphanedJobs({ ...older, alive: ["wrk_1", "wrk_2"] }), "jobs_begun"],
      [notEnqueued(older), "jobs_not_enqueued"],
      [openTails(older), "jobs_open_tails"],
      [pruneJobs({ before: 1_000, scheduledBefore: 2_000, limit: 10 }), "by id"],
    ];
    for (const [unit, index] of ways) expect((await plansOf(bench, unit)).map(usedIndex)[0]).toBe(index);
  });
});
