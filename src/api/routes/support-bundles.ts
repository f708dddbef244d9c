/** Support bundles: making one is a job, fetching it is a download. */
import { Type } from "typebox";
import { SwitchyardError } from "../../errors.ts";
import { findJob } from "../../store/jobs.ts";
import { readUpload } from "../../store/uploads.ts";
import type { Api } from "../api.ts";
import { textReply } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed } from "../schemas/common.ts";

const tag = "system";

const resultOf = async ({ store }: Api, id: string): Promise<{ readonly name: string; readonly digest: string }> => {
  const job = await store.read(() => findJob(id));
  const result = job?.kind === "system.support_bundle" && job.state === "succeeded" ? job.result : null;
  if (result !== null) return result as { name: string; digest: string };
  throw new SwitchyardError("not_found", {
    detail: `There is no support bundle ${id}: expected the id of a job that made one.`,
  });
};

export const supportBundleRoutes = (api: Api): Route[] => [
  route({
    method: "POST",
    path: "/api/support-bundles",
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Gather what somebody who helps needs to know: versions, health, figures, errors; no secrets",
    body: Type.Object({}, closed),
    isBodyOptional: true,
    enqueues: true,
    answers: {},
    handle: (call) => enqueue(api, call, { kind: "system.support_bundle", input: {}, action: "system.support_bundle" }),
  }),
  route({
    method: "GET",
    path: "/api/support-bundles/{id}",
    access: "admin",
    concernsAll: true,
    tag,
    summary: "The bundle that a job made",
    params: { id: Type.String({ description: "The job" }) },
    answers: { 200: { description: "A zip file", schema: Type.String(), type: "application/zip" } },
    errors: ["not_found"],
    handle: async ({ params }) => {
      const { name, digest } = await resultOf(api, params.id);
      const kept = await api.store.read(() => readUpload(digest));
      if (kept === undefined)
        throw new SwitchyardError("not_found", { detail: `The support bundle ${name} is not kept any more.` });
      return textReply(Uint8Array.from(kept.bytes), {
        type: "application/zip",
        headers: { "content-disposition": `attachment; filename="${name}"` },
      });
    },
  }),
];
