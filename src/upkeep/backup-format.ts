/**
 * The form of a backup file: one line of JSON that says what it is, a compressed body of JSON lines (sealed frame by
 * frame under a passphrase, when one was given), and the SHA-256 of all that.
 */
import { createCipheriv, createDecipheriv, createHash, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { SwitchyardError } from "../errors.ts";
import type { Value } from "../store/copy/copy.ts";

export const formatName = "switchyard-backup";
export const formatVersion = 1;
export const digestBytes = 32;
export const frameBytes = 256 * 1024;
export const mostHeaderBytes = 64 * 1024;

export interface Sealing {
  readonly kdf: "scrypt";
  readonly cost: number;
  readonly salt: string;
  readonly cipher: "aes-256-gcm";
}

/** The first line: readable without the passphrase, and authenticated by each sealed frame. */
export interface Header {
  readonly format: typeof formatName;
  readonly version: number;
  /** The runner's version that wrote it. */
  readonly core: string;
  /** The schema of the rows. */
  readonly schema: number;
  readonly created_at: string;
  /** Which master key the secrets are sealed with. */
  readonly key_id: string;
  /** Whether that key lies in the body. */
  readonly has_key: boolean;
  readonly sealing: Sealing | null;
}

/** A line of the body. Rows follow the table they belong to. */
export type Line =
  | { readonly key: string }
  | { readonly table: string; readonly columns: readonly string[] }
  | readonly Coded[]
  | { readonly rows: Readonly<Record<string, number>> };

export const isRow = (line: Line): line is readonly Coded[] => Array.isArray(line);

/** Bytes as base64 in an object, all else as JSON has it. */
export type Coded = string | number | null | { readonly base64: string };

export const encodeValue = (value: Value): Coded =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
export const decodeValue = (coded: Coded): Value =>
  typeof coded === "object" && coded !== null ? Buffer.from(coded.base64, "base64") : coded;

export const invalid = (detail: string, cause?: unknown): SwitchyardError =>
  new SwitchyardError("backup_invalid", { detail, cause });

/** scrypt with 64 MiB of memory: slow for who guesses, half a second for who knows. */
export const scryptCost = 65_536;
const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

export const keyOf = (passphrase: string, { cost, salt }: Sealing): Promise<Buffer> =>
  derive(passphrase.normalize("NFC"), Buffer.from(salt, "base64"), 32, { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 });

/** The key serves one file, so that a counter is a nonce that never comes twice. */
const nonceOf = (index: number): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 6, 6);
  return nonce;
};
/** A frame belongs to its file, its place, and to the end or not: none can be moved, taken out or cut off. */
const contextOf = (header: string, index: number, isLast: boolean): Buffer =>
  createHash("sha256")
    .update(JSON.stringify([header, index, isLast]))
    .digest();

export interface FrameCodec {
  seal(plain: Buffer, index: number, isLast: boolean): Buffer;
  open(sealed: Buffer, index: number, isLast: boolean): Buffer;
}

export const frameHeadBytes = 5;
export const tagBytes = 16;

export const frameCodec = (key: Buffer, header: string): FrameCodec => ({
  seal: (plain, index, isLast) => {
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(index)).setAAD(contextOf(header, index, isLast));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    const head = Buffer.alloc(frameHeadBytes);
    head.writeUInt32BE(body.byteLength);
    head.writeUInt8(isLast ? 1 : 0, 4);
    return Buffer.concat([head, cipher.getAuthTag(), body]);
  },
  open: (sealed, index, isLast) => {
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(index), { authTagLength: tagBytes })
      .setAAD(contextOf(header, index, isLast))
      .setAuthTag(sealed.subarray(0, tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(tagBytes)), decipher.final()]);
  },
});
