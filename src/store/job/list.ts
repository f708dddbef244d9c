/** Lists jobs, newest first, page by page, by walking an index. */
import { type SelectQueryBuilder, sql } from "kysely";
import type { Job, JobState } from "../../model/job.ts";
import { type Page, type Place, pageOf, placeOf } from "../paging.ts";
import { query, run } from "../query.ts";
import type { Tables } from "../tables.ts";
import type { Unit } from "../unit.ts";
import { findJobs } from "./find.ts";

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

type Select = SelectQueryBuilder<Tables, "jobs", { id: string; at: number }>;
type FilterColumn = "kind" | "state" | "type_id" | "instance_id";

/** As a computed value the column cannot lure the planner to its own index, which would be the wrong one here. */
const computed = (column: FilterColumn) => sql<string>`(${sql.ref(column)} || '')`;

interface Equal {
  readonly column: FilterColumn;
  readonly value: string;
}

/** The most telling filter leads and chooses the index; kind and state have one together. */
const equalities = (filter: JobFilter): readonly Equal[] => {
  const wanted: [FilterColumn, string | undefined][] = [
    ["instance_id", filter.instanceId],
    ["type_id", filter.typeId],
    ["kind", filter.kind],
    ["state", filter.state],
  ];
  return wanted.flatMap(([column, value]) => (value === undefined ? [] : [{ column, value }]));
};

const sharesIndex = (leading: FilterColumn | undefined, column: FilterColumn): boolean =>
  leading === column || (leading === "kind" && column === "state");

const filtered = (select: Select, filter: JobFilter): Select => {
  const all = equalities(filter);
  const leading = all[0]?.column;
  return all.reduce(
    (narrowed, { column, value }) =>
      sharesIndex(leading, column)
        ? narrowed.where(column, "=", value as JobState)
        : narrowed.where(computed(column), "=", value),
    select,
  );
};

const askedBy = (asker: Asker) => {
  if (typeof asker === "object") return sql<boolean>`(principal_id || '') = ${asker.principal}`;
  // The requester is a JSON text of our own making: a quote within a name is escaped there, so only a member matches.
  if (asker !== "system") return sql<boolean>`requested_by like ${`%"${asker}Id":%`}`;
  return sql<boolean>`requested_by not like '%"tokenId":%' and requested_by not like '%"scheduleId":%' and requested_by not like '%"ruleId":%'`;
};

const narrowed = (select: Select, { since, before, idPrefix, by, notBy }: JobFilter): Select => {
  let found = select;
  if (since !== undefined) found = found.where("created_at", ">=", since);
  if (before !== undefined) found = found.where("created_at", "<", before);
  if (idPrefix !== undefined) found = found.where(sql`substr(id, 1, ${idPrefix.length})`, "=", idPrefix);
  if (by !== undefined) found = found.where(sql<boolean>`(${askedBy(by)})`);
  if (notBy !== undefined) found = found.where(sql<boolean>`not (${askedBy(notBy)})`);
  return found;
};

/** Two plain comparisons beside the pair let both databases start at the right place of the index. */
const after = (select: Select, { at, id }: Place): Select =>
  select.where("created_at", "<=", at).where((is) => is.or([is("created_at", "<", at), is("id", "<", id)]));

const placesOf = (filter: JobFilter): Select => {
  let select: Select = narrowed(filtered(query.selectFrom("jobs").select(["id", "created_at as at"]), filter), filter);
  if (typeof filter.cursor === "string") select = after(select, placeOf(filter.cursor));
  return select
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(filter.limit + 1);
};

const newestFirst = (a: Place, b: Place): number => b.at - a.at || (a.id < b.id ? 1 : -1);

/** Which instances are to be walked one by one; undefined: all jobs at once. */
const walkedInstances = ({ instanceId, visibleInstances }: JobFilter): readonly string[] | undefined => {
  if (visibleInstances === undefined || visibleInstances === null) return undefined;
  return instanceId === undefined ? visibleInstances : visibleInstances.filter((one) => one === instanceId);
};

/** Each instance gives its newest, and the newest of these make the page: no instance is read further than a page. */
function* mergedPlaces(filter: JobFilter, instances: readonly string[]): Unit<Place[]> {
  const places: Place[] = [];
  for (const instanceId of new Set(instances)) places.push(...(yield* run(placesOf({ ...filter, instanceId }))).rows);
  return places.sort(newestFirst);
}

export function* listJobs(filter: JobFilter): Unit<Page<Job>> {
  const instances = walkedInstances(filter);
  const places = instances === undefined ? (yield* run(placesOf(filter))).rows : yield* mergedPlaces(filter, instances);
  const { items, nextCursor } = pageOf(places, filter.limit, (place) => place);
  return { items: yield* findJobs(items.map(({ id }) => id)), nextCursor };
}
