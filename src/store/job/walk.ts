/** Which index a list of jobs walks, and what is left out on the way. */
import { type SelectQueryBuilder, sql } from "kysely";
import { firstIdAt } from "../../model/ids.ts";
import { isSettled, type JobState } from "../../model/job.ts";
import { placeOf } from "../paging.ts";
import { query } from "../query.ts";
import type { Tables } from "../tables.ts";

/** Who asked for a job; a text: the principal with this id. */
export type Asker = { readonly principal: string } | "token" | "schedule" | "rule" | "system";

export interface JobFilter {
  readonly kind?: string;
  readonly state?: JobState;
  readonly instanceId?: string;
  readonly typeId?: string;
  /** Created at or after, milliseconds since 1970. */
  readonly since?: number;
  /** Created before, milliseconds since 1970. */
  readonly before?: number;
  /** How the id begins. */
  readonly idPrefix?: string;
  readonly by?: Asker;
  readonly notBy?: Asker;
  /** Only jobs of these instances; null or absent: all. */
  readonly visibleInstances?: readonly string[] | null;
  readonly cursor?: string | null;
  readonly limit: number;
}

export type OpenFilter = JobFilter & { readonly state: JobState };

type Select = SelectQueryBuilder<Tables, "jobs", { id: string }>;
type Column = "id" | "kind" | "state" | "type_id" | "instance_id" | "principal_id";

/** As a computed value the column cannot lure the planner to its own index, which would be the wrong one here. */
const computed = (column: Column) => sql<string>`(${sql.ref(column)} || '')`;

const subjects = ({ instanceId, typeId, kind }: JobFilter): readonly [Column, string][] => {
  const wanted: readonly [Column, string | undefined][] = [
    ["instance_id", instanceId],
    ["type_id", typeId],
    ["kind", kind],
  ];
  return wanted.filter((pair): pair is [Column, string] => pair[1] !== undefined);
};

const askedBy = (asker: Asker) => {
  if (typeof asker === "object") return sql<boolean>`${computed("principal_id")} = ${asker.principal}`;
  // The requester is a JSON text of our own making: a quote within a name is escaped there, so only a member matches.
  if (asker !== "system") return sql<boolean>`requested_by like ${`%"${asker}Id":%`}`;
  return sql<boolean>`requested_by not like '%"tokenId":%' and requested_by not like '%"scheduleId":%' and requested_by not like '%"ruleId":%'`;
};

const narrowed = (select: Select, { idPrefix, by, notBy }: JobFilter): Select => {
  let found = select;
  if (idPrefix !== undefined) found = found.where(sql`substr(id, 1, ${idPrefix.length})`, "=", idPrefix);
  if (by !== undefined) found = found.where(sql<boolean>`(${askedBy(by)})`);
  if (notBy !== undefined) found = found.where(sql<boolean>`not (${askedBy(notBy)})`);
  return found;
};

/** Nothing but the id, which lies in the indexes: what the walk leaves out is never read. */
const jobs = (): Select => query.selectFrom("jobs").select("id");

/** Whether the list asks for an open state: those jobs have an index of their own, in the order of admission. */
export const isOfOpen = (filter: JobFilter): filter is OpenFilter =>
  filter.state !== undefined && !isSettled(filter.state);

const openInState = (state: JobState): Select => {
  const open = jobs().where("finished_at", "is", null);
  if (state === "queued") return open.where(computed("state"), "=", state);
  return open.where("started_at", "is not", null).where("state", "=", state);
};

/** Open jobs, newest first; there are few of them, so each is looked at. */
export const openJobs = (filter: OpenFilter): Select => {
  const { since, before, cursor, visibleInstances } = filter;
  let found = narrowed(openInState(filter.state), filter);
  for (const [column, value] of subjects(filter)) found = found.where(computed(column), "=", value);
  if (visibleInstances) found = found.where(computed("instance_id"), "in", [...visibleInstances]);
  if (since !== undefined) found = found.where("created_at", ">=", since);
  if (before !== undefined) found = found.where("created_at", "<", before);
  if (typeof cursor === "string") {
    const last = query.selectFrom("jobs as last").select("admission").where("id", "=", placeOf(cursor).id);
    found = found.where("admission", "<", last);
  }
  return found.orderBy("admission", "desc").limit(filter.limit + 1);
};

const isFailure = (state: JobState | undefined): boolean => state !== undefined && state !== "succeeded";

/** As the indexes have it: what failed is passed over without a look at its row. */
const isWell = sql<number>`(case when error is null then 1 else 0 end)`;

/** Nearly every settled job succeeded: those are met on any walk, the others lie in indexes of their own. */
const inState = (select: Select, filter: JobFilter): Select => {
  const { state } = filter;
  if (state === undefined) return select;
  if (state === "succeeded") return select.where(isWell, "=", 1).where(computed("state"), "=", state);
  const failed = select.where("error", "is not", null).where("state", "=", state);
  return subjects(filter).length > 0 ? failed : failed.where("finished_at", "is not", null);
};

const createdWithin = (select: Select, filter: JobFilter): Select => {
  const { state, since, before, cursor } = filter;
  let found = select;
  if (before !== undefined) found = found.where("id", "<", firstIdAt("job", before));
  if (typeof cursor === "string") found = found.where("id", "<", placeOf(cursor).id);
  if (since === undefined) return found;
  const first = firstIdAt("job", since);
  // To SQLite an index with both ends of a range looks as good as the better one; the failures are few enough for one.
  const isBounded = found !== select && isFailure(state) && subjects(filter).length > 0;
  return isBounded ? found.where(computed("id"), ">=", first) : found.where("id", ">=", first);
};

const leavesSchedulesOut = ({ by, notBy }: JobFilter): boolean =>
  (by !== undefined && by !== "schedule") || notBy === "schedule";

/** A list of all subjects in all states that leaves the schedules out has an index of its own. */
const asked = (select: Select, filter: JobFilter): Select =>
  leavesSchedulesOut(filter) && subjects(filter).length === 0 && !isFailure(filter.state)
    ? select.where(sql<boolean>`requested_by not like '%"scheduleId":%'`)
    : select;

/** Jobs by their ids, newest first, as these begin with their time: of one instance, type or kind, or of all. */
export const walkedJobs = (filter: JobFilter): Select => {
  let found = createdWithin(asked(narrowed(inState(jobs(), filter), filter), filter), filter);
  for (const [column, value] of subjects(filter)) found = found.where(column, "=", value);
  return found.orderBy("id", "desc").limit(filter.limit + 1);
};

/** The kinds of jobs that an instance or a type has, by leaps through its index: each kind costs one search. */
export const kindsOf = (column: "instance_id" | "type_id", value: string) => {
  const least = (after: ReturnType<typeof sql>) =>
    sql`select min(kind) from jobs where ${sql.ref(column)} = ${value} ${after}`;
  const kinds = sql<{ kind: string }>`(with recursive kinds (kind) as (
    ${least(sql``)} union all
    select (${least(sql`and jobs.kind > kinds.kind`)}) from kinds where kinds.kind is not null
  ) select kind from kinds where kind is not null)`;
  return query.selectFrom(kinds.as("found")).select("kind");
};

/** One job of an instance, whichever: all have the same type. */
export const typeOf = (instanceId: string) =>
  query.selectFrom("jobs").select("type_id").where("instance_id", "=", instanceId).limit(1);
