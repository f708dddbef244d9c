/** What a simulated device keeps from one start to the next, so that it stands where it stood and is who it was. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A file that is missing or damaged keeps nothing: a device that cannot start with it would never start again. */
export const readKept = <K>(file: string, isUsable: (kept: K) => boolean): Partial<K> => {
  try {
    const kept = JSON.parse(readFileSync(file, "utf8"));
    return isUsable(kept) ? kept : {};
  } catch {
    return {};
  }
};

/** The keys are in it: it is its owner's alone. */
export const writeKept = (file: string, kept: unknown): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.draft`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
};

/**
 * Starts a device as the file has it, and keeps there what it is now.
 * @param isUsable What was kept may be of any form: it may throw.
 */
export const startKept = async <K, D extends { readonly kept: K }>(
  file: string,
  isUsable: (kept: K) => boolean,
  start: (kept: Partial<K>) => Promise<D>,
): Promise<D> => {
  const device = await start(readKept(file, isUsable));
  writeKept(file, device.kept);
  return device;
};

export const isPort = (port: unknown): boolean => Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;

/** Listens at the port it had, or at any free one when it had none or somebody else has it now. */
export const listenAgain = async <T>(port = 0, listen: (port: number) => Promise<T>): Promise<T> => {
  try {
    return await listen(port);
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return listen(0);
  }
};
