/** Uploads: an archive becomes a pack.install job once the store has it. */
import { Type } from "typebox";
import { insertUpload } from "../../store/uploads.ts";
import type { Api } from "../api.ts";
import { json } from "../http/reply.ts";
import { type Call, type Route, route } from "../http/route.ts";
import { readUpload } from "../http/upload.ts";
import { type Admitted, admitFor, answerWithJob } from "../jobs/enqueue.ts";

const tag = "types";
const base = "/api/integrations/types/upload";

const query = {
  replace: Type.Optional(
    Type.Boolean({ default: false, description: "Replace another content of the same version, or a higher version" }),
  ),
  consent: Type.Optional(
    Type.String({ pattern: "^[0-9a-f]{64}$", description: "Digest from consent_required: grants what it lists" }),
  ),
};
type UploadCall = Call<unknown, { replace?: boolean | undefined; consent?: string | undefined }, unknown>;

const form = Type.Object({
  file: Type.String({ format: "binary", description: "A pack: a zip of at most 10 MiB whose name ends in .int" }),
});

const admit = async (api: Api, call: UploadCall): Promise<Admitted> => {
  const { digest, fileName, bytes } = await readUpload(call.raw, api.config.scratchDir);
  await api.store.write(() => insertUpload({ digest, fileName, bytes, now: api.now() }));
  const { replace = false, consent } = call.query;
  return admitFor(api, call, {
    kind: "pack.install",
    input: { upload: digest, replace, ...(consent === undefined ? {} : { consent }) },
    action: "pack.install",
    bodyHash: digest,
  });
};

const errors = ["extension_not_int", "archive_too_large", "validation_failed", "unsupported_media_type"] as const;
const installErrors = [
  ...errors,
  ...(["archive_invalid", "archive_path_unsafe", "archive_quota", "manifest_missing", "manifest_invalid"] as const),
  ...(["manifest_id_missing", "pack_conflict", "consent_required", "pack_signature_invalid", "pack_invalid"] as const),
] as const;

export const uploadRoutes = (api: Api): Route[] => [
  route({
    method: "POST",
    path: base,
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Install a pack",
    query,
    form,
    enqueues: true,
    answers: {},
    errors: installErrors,
    handle: async (call) => answerWithJob(api, call, await admit(api, call)),
  }),
  route({
    method: "POST",
    path: `${base}/stream`,
    access: "admin",
    concernsAll: true,
    tag,
    summary: "The same, for clients that only want the id of the job",
    query,
    form,
    enqueues: "id",
    answers: {
      202: { description: "The id of the pack.install job", schema: Type.Object({ job_id: Type.String() }) },
    },
    errors,
    handle: async (call) => {
      const { job } = await admit(api, call);
      return json({ job_id: job.id }, 202, { location: `/api/jobs/${job.id}` });
    },
  }),
];
