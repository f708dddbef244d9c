/** Lists jobs, newest first, page by page. */
import type { Job } from "../../model/job.ts";
import { cursorOf, type Page } from "../paging.ts";
import { type Built, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { findFirstJobs } from "./find.ts";
import { isOfOpen, type JobFilter, kindsOf, openJobs, typeOf, walkedJobs } from "./walk.ts";

/** Which instances are to be walked one by one; undefined: all jobs at once. */
const walkedInstances = ({ instanceId, visibleInstances }: JobFilter): readonly string[] | undefined => {
  if (visibleInstances === undefined || visibleInstances === null) return undefined;
  return instanceId === undefined ? visibleInstances : visibleInstances.filter((one) => one === instanceId);
};

function* idsOf(select: Built<{ id: string }>): Unit<string[]> {
  return (yield* run(select)).rows.map(({ id }) => id);
}

/** What the indexes answer each at once: a walk knows the instance or the type, and the kind. */
function* walksOf(filter: JobFilter): Unit<readonly JobFilter[]> {
  const { instanceId, typeId, kind } = filter;
  if (instanceId !== undefined && typeId !== undefined) {
    const first = (yield* run(typeOf(instanceId))).rows[0];
    const { typeId: _, ...ofInstance } = filter;
    return first?.type_id === typeId ? yield* walksOf(ofInstance) : [];
  }
  if (kind !== undefined || (instanceId === undefined && typeId === undefined)) return [filter];
  const kinds = instanceId === undefined ? kindsOf("type_id", typeId ?? "") : kindsOf("instance_id", instanceId);
  return (yield* run(kinds)).rows.map((row) => ({ ...filter, kind: row.kind }));
}

/** Each walk gives its newest, and the newest of these make the page: none goes further than a page. */
function* merged(filters: readonly JobFilter[]): Unit<string[]> {
  const found: string[] = [];
  for (const filter of filters) {
    for (const walk of yield* walksOf(filter)) found.push(...(yield* idsOf(walkedJobs(walk))));
  }
  return found.sort().reverse();
}

function* foundJobs(filter: JobFilter): Unit<string[]> {
  const instances = walkedInstances(filter);
  if (instances?.length === 0) return [];
  if (isOfOpen(filter)) return yield* idsOf(openJobs(filter));
  const each =
    instances === undefined ? [filter] : [...new Set(instances)].map((one) => ({ ...filter, instanceId: one }));
  return yield* merged(each);
}

/** A page ends early where its jobs are very large. */
export function* listJobs(filter: JobFilter): Unit<Page<Job>> {
  const found = yield* foundJobs(filter);
  const items = yield* findFirstJobs(found.slice(0, filter.limit));
  const last = items.at(-1);
  const hasMore = last !== undefined && last.id !== found.at(-1);
  return { items, nextCursor: hasMore ? cursorOf({ at: last.createdAt, id: last.id }) : null };
}
