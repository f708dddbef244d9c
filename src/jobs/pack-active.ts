/** The active release of a type, read back from the store and examined as it is now. */
import { SwitchyardError } from "../errors.ts";
import type { IntegrationType, PackFile } from "../model/integration-type.ts";
import { type ExaminedPack, examinePack } from "../packs/examine.ts";
import { readManifestFile } from "../packs/manifest-file.ts";
import { readContent } from "../store/releases.ts";
import { findType } from "../store/types.ts";
import type { JobContext } from "./context.ts";

/** @throws SwitchyardError `not_found`. */
export const readType = async ({ store }: JobContext, id: string): Promise<IntegrationType> => {
  const type = await store.read(() => findType(id));
  if (type === undefined) throw new SwitchyardError("not_found", { detail: `There is no integration type ${id}.` });
  return type;
};

/** A release's files, or `undefined` when the store has lost them. */
export const filesOf = ({ store }: JobContext, digest: string): Promise<readonly PackFile[] | undefined> =>
  store.read(() => readContent(digest));

/** Looks at a release anew: the machine, the runner's version or the sandbox may have changed since. */
export const examineRelease = async (
  context: JobContext,
  { digest, isShipped }: Pick<IntegrationType, "digest" | "isShipped">,
  files: readonly PackFile[],
): Promise<ExaminedPack> => {
  await context.shelf.ready(digest);
  return examinePack(context, { file: readManifestFile(files), files, digest, isShipped });
};
