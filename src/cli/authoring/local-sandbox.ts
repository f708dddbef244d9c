/** Looks at packs on the author's own machine as a worker would: in a sandbox, laid out on disk for as long as it takes. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLog } from "../../log.ts";
import type { PackFile, SandboxLevel } from "../../model/integration-type.ts";
import { releaseDigest } from "../../packs/digest.ts";
import type { Examiner } from "../../packs/examine.ts";
import { layOut, removeLayout } from "../../packs/layout.ts";
import { createPool } from "../../sandbox/pool.ts";
import { probeSandbox } from "../../sandbox/probe.ts";
import { readProgramVersion } from "../../sandbox/program-version.ts";

const inspectTimeoutMs = 8_000;
const memoryCapBytes = 256 * 1024 * 1024;
const sdkDir = fileURLToPath(new URL("../../sdk", import.meta.url));

export interface LocalTerms {
  readonly coreVersion: string;
  readonly minSandbox: SandboxLevel;
  readonly now: () => number;
}

export interface LocalSandbox extends Examiner {
  /** Of the files, which lie ready for `inspect`. */
  readonly digest: string;
  close(): Promise<void>;
}

/** To be closed: it holds a folder and may hold a process. */
export const openLocalSandbox = async (
  files: readonly PackFile[],
  { coreVersion, minSandbox, now }: LocalTerms,
): Promise<LocalSandbox> => {
  const nodePath = process.execPath;
  const root = await mkdtemp(join(tmpdir(), "switchyard-look-"));
  // Sandboxes may run as another user.
  await chmod(root, 0o755);
  const digest = releaseDigest(files);
  // Each of the two waits for something else: the disk, and processes.
  const [{ level: sandboxLevel }] = await Promise.all([probeSandbox({ nodePath }), layOut({ root, digest, files })]);
  const terms = { maxProcesses: 1, idleMs: 1_000, memoryCapBytes };
  const pool = createPool({ ...terms, now, log: silentLog, nodePath, level: sandboxLevel, sdkDir });
  return {
    ...{ coreVersion, minSandbox, sandboxLevel, digest },
    shelf: {
      inspect: (asked, entrypoint, language) => pool.inspect(join(root, asked), entrypoint, inspectTimeoutMs, language),
      programVersion: (path, level) => readProgramVersion(path, { level }),
    },
    close: async () => {
      await pool.close();
      await removeLayout({ root, digest });
      await rm(root, { recursive: true, force: true });
    },
  };
};
