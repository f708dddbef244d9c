/** system.support_bundle: what somebody who helps needs to know, kept where uploads are until it is fetched. */
import { createHash } from "node:crypto";
import type { Json } from "../model/json.ts";
import { insertUpload } from "../store/uploads.ts";
import type { JobContext } from "./context.ts";

export const makeSupportBundle = async ({ job, store, upkeep, emit, now }: JobContext): Promise<Json> => {
  const { bytes, files } = await upkeep.bundle();
  const digest = createHash("sha256").update(bytes).digest("hex");
  const name = `switchyard-support-${new Date(job.createdAt).toISOString().slice(0, 10)}-${job.id.slice(-6)}.zip`;
  await store.write(() => insertUpload({ digest, fileName: name, bytes, now: now() }));
  emit("final", "info", `${name} holds ${files.length} files, ${bytes.length} bytes`);
  return { name, digest, bytes: bytes.length, files: [...files] };
};
