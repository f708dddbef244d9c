/** Tells everybody who watches that an instance changed; a lost word costs a watcher one reload. */
import { appendSystem } from "../../live/events.ts";
import type { SystemEvent } from "../../model/event.ts";
import type { Instance } from "../../model/instance.ts";
import type { Api } from "../api.ts";

type Change = "created" | "updated" | "removed";

export const announceInstance = async (api: Api, change: Change, instance: Instance): Promise<void> => {
  const { id: instanceId, typeId, state } = instance;
  const event: SystemEvent = { type: `integration_instance.${change}`, instanceId, typeId, state };
  await appendSystem(api.redis, event).catch((error) => api.log.warn({ err: error }, "change not announced"));
};

/** Schedules follow the instance; when Redis is away they are put right at the next start. */
export const followWithSchedules = async ({ schedules, log }: Api, instanceId: string): Promise<void> => {
  await schedules?.sync(instanceId).catch((error) => log.warn({ err: error }, "schedules not brought in line"));
};
