/** Schedules: what the runner does by itself, and pausing it. */
import { seesInstance } from "../../model/principal.ts";
import type { Schedule } from "../../model/schedule.ts";
import { findStates } from "../../store/jobs.ts";
import { findSchedule, listSchedules, setPaused } from "../../store/schedules.ts";
import { notFound } from "../access/access.ts";
import { record } from "../access/record.ts";
import type { Api } from "../api.ts";
import { short, shortQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Call, type Route, route } from "../http/route.ts";
import { idParam, list, ref } from "../schemas/common.ts";
import { scheduleToWire } from "../wire.ts";

const tag = "schedules";

const toWire = async (api: Api, schedules: readonly Schedule[]) => {
  const ids = schedules.flatMap(({ lastJobId }) => (lastJobId === null ? [] : [lastJobId]));
  const states = await api.store.read(() => findStates(ids));
  const now = api.now();
  return schedules.map((schedule) => scheduleToWire(schedule, states.get(schedule.lastJobId ?? "") ?? null, now));
};

const pause = async (api: Api, call: Call<{ readonly id: string }, unknown, unknown>, isPaused: boolean) => {
  const { id } = call.params;
  const before = await api.store.read(() => findSchedule(id));
  if (!before || !seesInstance(call.principal, before.instanceId)) throw notFound("schedule", id);
  const now = api.now();
  const action = isPaused ? "schedule.pause" : "schedule.resume";
  const after = await api.store.write(function* () {
    const schedule = yield* setPaused({ id, paused: isPaused });
    yield* record(call, now, { action, objectType: "schedule", objectId: id });
    return schedule;
  });
  // The row is what ticks look at; the timer follows when Redis is there.
  await api.schedules?.setPaused(id, isPaused).catch((error) => api.log.warn({ err: error }, "timer not changed"));
  const [wire] = await toWire(api, [after ?? { ...before, paused: isPaused }]);
  return json(wire);
};

export const scheduleRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/api/schedules",
    access: "viewer",
    tag,
    summary: "The schedules of the instances that the caller may see",
    query: shortQuery,
    answers: { 200: { description: "All of them, or a page", schema: list(ref("Schedule")) } },
    handle: async ({ principal, query }) => {
      const schedules = await api.store.read(() => listSchedules({ visible: principal.instances }));
      return json(short(await toWire(api, schedules), query));
    },
  }),
  ...([true, false] as const).map((isPaused) =>
    route({
      method: "POST",
      path: `/api/schedules/{id}/${isPaused ? "pause" : "resume"}`,
      access: "operator",
      tag,
      summary: isPaused ? "Stop ticking" : "Tick again",
      params: { id: idParam("Id of the schedule") },
      answers: { 200: { description: "The schedule as it is now", schema: ref("Schedule") } },
      errors: ["not_found"],
      handle: (call) => pause(api, call, isPaused),
    }),
  ),
];
