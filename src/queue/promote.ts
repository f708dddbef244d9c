/** Promotion: brings a job that is on its BullMQ queue already to its head. */
import type { Queue } from "bullmq";

type Backend = Pick<ReturnType<Queue["getBackend"]>, "promote" | "changePriority">;

/**
 * `promote` alone would put the job at the tail; whoever waited for a lock was first in its line. A job that is not
 * parked any more is left where it is or comes to the head, too.
 */
export const promoteOne = async (backend: Backend, id: string): Promise<void> => {
  await Promise.allSettled([backend.promote(id), backend.changePriority(id, 0, true)]);
};
