/** Tells the worker that holds a job that it is to be cancelled. The store keeps the wish; this only makes it quick. */
import type { Redis } from "../redis.ts";
import { hear } from "./channel.ts";

const channel = "sw:cancel";

export const askCancel = async (redis: Redis, jobId: string): Promise<void> => {
  await redis.publish(channel, jobId);
};

/** Calls the listener with each job asked to be cancelled. `subscriber` serves nothing but subscriptions. */
export const onCancel = (subscriber: Redis, listener: (jobId: string) => void): (() => void) =>
  hear(subscriber, channel, listener);
