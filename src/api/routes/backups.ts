/** Backups: everything the store holds, as a file on the machine of a worker. */
import { Type } from "typebox";
import type { Api } from "../api.ts";
import { type Route, route } from "../http/route.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed } from "../schemas/common.ts";

export const backupRoutes = (api: Api): Route[] => [
  route({
    method: "POST",
    path: "/api/backups",
    access: "admin",
    concernsAll: true,
    tag: "system",
    summary: "Write a backup of the store and its key, while everything goes on",
    description: "The file lies in `backups` in the data folder of the worker that wrote it; the result names both.",
    body: Type.Object({}, closed),
    isBodyOptional: true,
    enqueues: true,
    answers: {},
    errors: ["backup_failed"],
    handle: (call) => enqueue(api, call, { kind: "system.backup", input: {}, action: "system.backup" }),
  }),
];
