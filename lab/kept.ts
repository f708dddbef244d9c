/** What a simulated device keeps from one start to the next, so that it stands where it stood and is who it was. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A file that is missing or damaged keeps nothing. */
const readKept = <K>(file: string): Partial<K> => {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
};

/** The keys are in it: it is its owner's alone. */
const writeKept = (file: string, kept: unknown): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.draft`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
};

/** Starts a device as the file has it, and keeps there what it is now. */
export const startKept = async <K, D extends { readonly kept: K }>(
  file: string,
  start: (kept: Partial<K>) => Promise<D>,
): Promise<D> => {
  const device = await start(readKept<K>(file));
  writeKept(file, device.kept);
  return device;
};

/** Listens at the port it had, or at any free one when it had none or somebody else has it now. */
export const listenAgain = async <T>(port = 0, listen: (port: number) => Promise<T>): Promise<T> => {
  try {
    return await listen(port);
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return listen(0);
  }
};
