/** Lists jobs, newest first, page by page. */
import type { Job } from "../../model/job.ts";
import { cursorOf, type Page } from "../paging.ts";
import { type Built, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { findJobs } from "./find.ts";
import { isOfOpen, type JobFilter, openJobs, walkedJobs } from "./walk.ts";

/** Which instances are to be walked one by one; undefined: all jobs at once. */
const walkedInstances = ({ instanceId, visibleInstances }: JobFilter): readonly string[] | undefined => {
  if (visibleInstances === undefined || visibleInstances === null) return undefined;
  return instanceId === undefined ? visibleInstances : visibleInstances.filter((one) => one === instanceId);
};

function* idsOf(select: Built<{ id: string }>): Unit<string[]> {
  return (yield* run(select)).rows.map(({ id }) => id);
}

/** Each instance gives its newest, and the newest of these make the page: no instance is read further than a page. */
function* mergedJobs(filter: JobFilter, instances: readonly string[]): Unit<string[]> {
  const found: string[] = [];
  for (const instanceId of new Set(instances)) found.push(...(yield* idsOf(walkedJobs({ ...filter, instanceId }))));
  return found.sort().reverse();
}

function* foundJobs(filter: JobFilter): Unit<string[]> {
  const instances = walkedInstances(filter);
  if (instances?.length === 0) return [];
  if (isOfOpen(filter)) return yield* idsOf(openJobs(filter));
  return instances === undefined ? yield* idsOf(walkedJobs(filter)) : yield* mergedJobs(filter, instances);
}

export function* listJobs(filter: JobFilter): Unit<Page<Job>> {
  const found = yield* foundJobs(filter);
  const items = yield* findJobs(found.slice(0, filter.limit));
  const last = items.at(-1);
  const hasMore = found.length > filter.limit && last !== undefined;
  return { items, nextCursor: hasMore ? cursorOf({ at: last.createdAt, id: last.id }) : null };
}
