/** Installs a folder, and again whenever its content changes, until the person leaves. */
import { createHash } from "node:crypto";
import { type FSWatcher, statSync, watch } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure, usage } from "../failure.ts";
import type { Session } from "../session.ts";
import { printFailure } from "../view/problem.ts";
import { type PackArchive, readPack } from "./pack-archive.ts";

/** An editor writes a file in several steps, and a formatter writes it once more. */
const quietMs = 150;

interface FolderWatch {
  /** Settles when something changed since the last call and all is quiet again, or with the signal. */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

const openWatch = (folder: string): FolderWatch => {
  let wake = Promise.withResolvers<void>();
  const watcher: FSWatcher = watch(folder, { recursive: true }, () => wake.resolve());
  watcher.on("error", (error) => wake.reject(error));
  const isQuiet = async (): Promise<boolean> => {
    wake = Promise.withResolvers();
    return Promise.race([delay(quietMs, true), wake.promise.then(() => false)]);
  };
  return {
    changed: async (signal) => {
      const left = Promise.withResolvers<void>();
      const leave = (): void => left.resolve();
      signal.addEventListener("abort", leave, { once: true });
      if (!signal.aborted) await Promise.race([wake.promise, left.promise]);
      signal.removeEventListener("abort", leave);
      while (!signal.aborted && !(await isQuiet()));
    },
    close: () => watcher.close(),
  };
};

const assertFolder = (path: string): void => {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw usage(`--on-change ${path}: expected a folder that can be watched.`);
  }
};

/** Faults of a pack, and a server that is started again, are part of developing. */
const isPassing = (session: Session, thrown: unknown, isFirst: boolean): thrown is CliFailure =>
  thrown instanceof CliFailure &&
  !session.signal.aborted &&
  !(isFirst && (thrown.exitCode === exitCodes.noServer || thrown.exitCode === exitCodes.notAllowed));

interface Asked {
  readonly folder: string;
  install(pack: PackArchive): Promise<unknown>;
}

/**
 * Returns when the person leaves between two installs.
 * @throws CliFailure when there is no folder, when the first install finds no server, when a job is left.
 */
export const installOnChange = async (session: Session, { folder, install }: Asked): Promise<ExitCode> => {
  const { terminal, signal, isJson } = session;
  assertFolder(folder);
  const watched = openWatch(folder);
  let last: string | undefined;
  /** Whether there was something to install. */
  const turn = async (): Promise<boolean> => {
    const pack = await readPack(folder);
    const digest = createHash("sha256").update(pack.bytes).digest("hex");
    if (digest === last) return false;
    last = digest;
    await install(pack);
    return true;
  };
  try {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      assertFolder(folder);
      const isNew = await turn().catch((thrown: unknown) => {
        if (!isPassing(session, thrown, isFirst)) throw thrown;
        printFailure(terminal, thrown, { isJson });
        return true;
      });
      if (isNew) terminal.note(`Installs again when ${folder} changes; Ctrl-C ends it.`);
      await watched.changed(signal);
    }
  } finally {
    watched.close();
  }
  return exitCodes.succeeded;
};
