/** system.backup: everything the store holds at one moment, as a file in the data folder of the worker that took it. */
import type { Json } from "../model/json.ts";
import type { JobContext } from "./context.ts";

/** Sorts by time, and is the same for each attempt of a job. */
const nameFor = (createdAt: number, jobId: string): string => {
  const time = new Date(createdAt).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  return `switchyard-${time}Z-${jobId.slice(-6)}.backup`;
};

export const backUpSystem = async ({ job, upkeep, emit, signal }: JobContext): Promise<Json> => {
  const name = nameFor(job.createdAt, job.id);
  emit("backup", "info", `${name} is being written`);
  const result = await upkeep.backUp({ name, signal });
  emit("final", "info", `${name} is whole and lies on ${result["host"]}`);
  return result;
};
