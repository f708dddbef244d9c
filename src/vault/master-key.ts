/** Loads the master key from a setting or a file, and makes the file on a fresh machine. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { keyBytes, unreadable } from "./sealed.ts";

export interface MasterKeySource {
  /** A file that holds 32 bytes: raw, or as hex or base64 text. */
  readonly file?: string;
  /** The key itself as hex or base64; goes before the file. */
  readonly value?: string;
  /** Makes the file (mode 0600) when it is not there. */
  readonly create: boolean;
}

const decode = (text: string): Buffer | undefined => {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, "hex");
  if (!/^[\w+/-]{43}=?$/.test(trimmed)) return undefined;
  const bytes = Buffer.from(trimmed, "base64");
  return bytes.byteLength === keyBytes ? bytes : undefined;
};

const expected = "expected 32 bytes as 64 hex digits or as base64";

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && "code" in thrown ? thrown.code : undefined);

const readKey = (file: string): Buffer | undefined => {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw unreadable(`The master key file ${file} cannot be read: ${codeOf(thrown)}.`);
  }
  const key = decode(content.toString("latin1")) ?? (content.byteLength === keyBytes ? content : undefined);
  if (key === undefined) {
    throw unreadable(
      `The master key file ${file} is not a key: ${expected}, got ${content.byteLength} bytes of something else.`,
    );
  }
  return key;
};

const writeDurably = (file: string, text: string): void => {
  const descriptor = openSync(file, "wx", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

const textOf = (key: Buffer): string => `${key.toString("base64")}\n`;

/** Writes the key durably beside the file and lets `place` bring it there: it appears whole or not at all. */
const install = (file: string, key: Buffer, place: (draft: string) => void): void => {
  const folder = dirname(file);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeDurably(draft, textOf(key));
    place(draft);
    syncFolder(folder);
  } finally {
    rmSync(draft, { force: true });
  }
};

/** The first of several makers wins. */
const makeKey = (file: string): void => {
  try {
    install(file, randomBytes(keyBytes), (draft) => linkSync(draft, file));
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw unreadable(`The master key file ${file} cannot be made: ${codeOf(thrown)}.`);
  }
};

/**
 * Puts a key where there is none.
 * @throws SwitchyardError `secret_unreadable` when there is one, or the file cannot be made.
 */
export const placeKey = (file: string, key: Buffer): void => {
  try {
    install(file, key, (draft) => linkSync(draft, file));
  } catch (thrown) {
    throw unreadable(`The master key file ${file} cannot be made: ${codeOf(thrown)}.`);
  }
};

/**
 * Puts a key in the place of another one; a crash leaves the one or the other.
 * @throws SwitchyardError `secret_unreadable` when the file cannot be replaced.
 */
export const replaceKey = (file: string, key: Buffer): void => {
  try {
    install(file, key, (draft) => renameSync(draft, file));
  } catch (thrown) {
    throw unreadable(`The master key file ${file} cannot be replaced: ${codeOf(thrown)}.`);
  }
};

/** @throws SwitchyardError `secret_unreadable`, saying what was expected and found; never the key. */
export const loadMasterKey = ({ file, value, create }: MasterKeySource): Buffer => {
  if (value !== undefined) {
    const key = decode(value);
    if (key === undefined)
      throw unreadable(`The given master key is not a key: ${expected}, got ${value.length} characters.`);
    return key;
  }
  if (file === undefined) throw unreadable("There is no master key: neither a key nor a file was given.");
  const present = readKey(file);
  if (present !== undefined) return present;
  if (create) makeKey(file);
  const made = create ? readKey(file) : undefined;
  if (made === undefined)
    throw unreadable(`The master key file ${file} does not exist: put the key back that sealed the secrets.`);
  return made;
};
