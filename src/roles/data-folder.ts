/** The data folder of one running system: who holds it, and the files that must be there before anything starts. */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { SettingError } from "../config.ts";
import { isRunning, ownIdentity, readIdentity } from "../sandbox/process-identity.ts";

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

const unusable = (dataDir: string, error: unknown): SettingError =>
  new SettingError(`setting SWITCHYARD_DATA: expected a folder to write in, found ${dataDir} (${codeOf(error)})`);

/** Puts a complete file into place only if there is none: no reader ever sees half of it. */
const claim = (path: string, text: string): boolean => {
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw unusable(dirname(path), error);
  } finally {
    rmSync(draft, { force: true });
  }
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Level by level: asked for all levels at once, Node tries for ever where none can be made, as in /proc. */
const makeFolder = (path: string): void => {
  if (isFolder(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have been quicker.
    if (!isFolder(path)) throw error;
  }
};

/** @throws SettingError when there is no such folder and none can be made, or nothing can be written in it. */
export const makeDataFolder = (dataDir: string): void => {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(dataDir, error);
  }
};

/** Only the lock that was looked at is taken away: another starter may have put its own in the place meanwhile. */
const dropLock = (path: string, seen: string | null): void => {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
    if (readText(aside) !== seen) linkSync(aside, path);
  } catch {
    // Somebody else was quicker; the next look tells.
  }
  rmSync(aside, { force: true });
};

/**
 * Takes the folder for this process. Answers how to give it back.
 * @throws SettingError when another living process holds it, or it cannot be used.
 */
export const holdDataFolder = (dataDir: string): (() => void) => {
  makeDataFolder(dataDir);
  const path = join(dataDir, "switchyard.lock");
  const text = JSON.stringify(ownIdentity());
  while (!claim(path, text)) {
    const seen = readText(path);
    const holder = readIdentity(path);
    // A holder in another container's table of pids left with it, as far as can be told.
    if (holder && isRunning(holder) === true) {
      throw new SettingError(
        `the data folder ${dataDir} is in use by process ${holder.pid}: stop it first, or set SWITCHYARD_DATA to another folder`,
      );
    }
    dropLock(path, seen);
  }
  return () => {
    if (readText(path) === text) rmSync(path, { force: true });
  };
};

/** As long as what a person may set, and not as short as what a full disk leaves. */
const tokenPattern = /^[\x21-\x7e]{1,512}$/;

/** The admin token: the setting's, or the file's, which is made on the first start. */
export const adminToken = (dataDir: string, given: string | null): { token: string; file: string | null } => {
  if (given !== null) return { token: given, file: null };
  const file = join(dataDir, "admin.token");
  claim(file, `${randomBytes(32).toString("base64url")}\n`);
  const token = readFileSync(file, "utf8").trim();
  if (!tokenPattern.test(token)) {
    throw new SettingError(
      `setting SWITCHYARD_DATA: expected a token in ${file}, found ${token.length} characters that are none: remove the file, and the next start makes a new one`,
    );
  }
  return { token, file };
};
