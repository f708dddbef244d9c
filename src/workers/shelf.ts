/** Releases on this worker's disk: a cache of what the store holds, laid out to be run. */
import { SwitchyardError } from "../errors.ts";
import type { DriverSurface, ReleaseShelf } from "../jobs/context.ts";
import type { PackFile } from "../model/integration-type.ts";
import { releaseDigest } from "../packs/digest.ts";
import { layOut, removeLayout } from "../packs/layout.ts";
import type { SandboxPool } from "../sandbox/pool.ts";
import { nameOf, ownIdentity } from "../sandbox/process-identity.ts";
import { readProgramVersion } from "../sandbox/program-version.ts";
import { readContent } from "../store/releases.ts";
import type { Store } from "../store/store.ts";

export interface Shelf extends ReleaseShelf {
  /** The folder of a release that is ready. */
  dirOf(digest: string): Promise<string>;
}

const inspectTimeoutMs = 8_000;

export const createShelf = (deps: {
  readonly store: Store;
  readonly pool: SandboxPool;
  readonly root: string;
}): Shelf => {
  const { store, pool, root } = deps;
  const owner = nameOf(ownIdentity());
  const ready = new Map<string, Promise<string>>();
  const fetch = async (digest: string): Promise<string> => {
    const files = await store.read(() => readContent(digest));
    if (!files) {
      throw new SwitchyardError("type_unavailable", {
        detail: "The release of this integration is not in the store; install the pack again.",
      });
    }
    return layOut({ root, digest, files, owner });
  };
  const dirOf = (digest: string): Promise<string> => {
    const known = ready.get(digest);
    if (known) return known;
    const dir = fetch(digest);
    ready.set(digest, dir);
    dir.catch(() => ready.delete(digest));
    return dir;
  };
  return {
    dirOf,
    async ready(digest) {
      await dirOf(digest);
    },
    async stage(files: readonly PackFile[]) {
      const digest = releaseDigest(files);
      const dir = layOut({ root, digest, files, owner });
      ready.set(digest, dir);
      await dir;
      return digest;
    },
    async inspect(digest, entrypoint, language): Promise<DriverSurface> {
      return pool.inspect(await dirOf(digest), entrypoint, inspectTimeoutMs, language);
    },
    programVersion: (path, level) => readProgramVersion(path, { level }),
    async discard(digest) {
      ready.delete(digest);
      await removeLayout({ root, digest, owner });
    },
  };
};
