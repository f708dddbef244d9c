/** pack.install: an uploaded archive, or a folder we ship, becomes the active release of a type, or nothing changes. */
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import type { Json } from "../model/json.ts";
import { readArchive } from "../packs/archive.ts";
import { listShipped } from "../packs/shipped.ts";
import { readContent } from "../store/releases.ts";
import { readUpload } from "../store/uploads.ts";
import type { JobInput } from "./catalog.ts";
import type { JobContext } from "./context.ts";
import { placePack, resultOf } from "./pack-place.ts";
import { testInstances } from "./pack-tests.ts";

type Input = JobInput<"pack.install">;

const sizeOf = (files: readonly PackFile[]): number => files.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** The folder whose content has this digest; another host may know the content from the store only. */
const receiveShipped = async ({ packsDir, store }: JobContext, digest: string): Promise<readonly PackFile[]> => {
  const { packs } = await listShipped(packsDir);
  const files = packs.find((pack) => pack.digest === digest)?.files ?? (await store.read(() => readContent(digest)));
  if (files !== undefined) return files;
  throw new SwitchyardError("not_found", {
    detail: "Expected a shipped pack of this content, got none: it changed since.",
  });
};

const receiveUpload = async (context: JobContext, digest: string): Promise<readonly PackFile[]> => {
  const upload = await context.store.read(() => readUpload(digest));
  if (upload === undefined) {
    throw new SwitchyardError("not_found", { detail: "The uploaded archive is not kept any more: upload it again." });
  }
  context.emit("upload", "info", `Received ${upload.bytes.length} bytes`, {
    bytes: upload.bytes.length,
    sha256: digest,
  });
  await context.pass("install.received");
  context.progress("unpack", "Unpacking the archive", 20);
  return readArchive(upload.bytes);
};

const receive = async (context: JobContext, { upload, shipped }: Input): Promise<readonly PackFile[]> => {
  context.progress("upload", "Reading the pack", 10);
  if (shipped === true) {
    context.emit("upload", "info", "Taken from the shipped packs", { digest: upload });
    return receiveShipped(context, upload);
  }
  return receiveUpload(context, upload);
};

export const installPack = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as Input;
  const files = await receive(context, input);
  context.emit("unpack", "info", `${files.length} files, ${sizeOf(files)} bytes`, {
    files: files.length,
    bytes: sizeOf(files),
  });
  await context.pass("install.unpacked");
  context.progress("manifest", "Reading the manifest", 35);
  const { type, isNew, isUpgrade } = await placePack(context, {
    files,
    replace: input.replace,
    isShipped: input.shipped === true,
    ...(input.consent === undefined ? {} : { consent: input.consent }),
  });
  const tests = isNew && isUpgrade ? await testInstances(context, type.id) : [];
  context.emit("final", "info", `${type.id} ${type.manifest.version}: ${type.status}`, { type_id: type.id });
  return resultOf(type, tests.length === 0 ? {} : { tests });
};
