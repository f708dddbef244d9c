/** The files of a release as one compressed value: a list of paths and sizes, then the bytes in that order. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { PackFile } from "../model/integration-type.ts";

/** Twice what a pack may unpack to. */
const mostBytes = 128 * 1024 * 1024;
const headerLengthBytes = 4;

type Entry = readonly [path: string, size: number];

export const packContent = (files: readonly PackFile[]): Buffer => {
  const header = Buffer.from(JSON.stringify(files.map(({ path, bytes }): Entry => [path, bytes.byteLength])));
  const headerLength = Buffer.alloc(headerLengthBytes);
  headerLength.writeUInt32BE(header.byteLength);
  const whole = Buffer.concat([headerLength, header, ...files.map(({ bytes }) => bytes)]);
  return zstdCompressSync(whole, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
};

export const unpackContent = (content: Uint8Array): PackFile[] => {
  const whole = zstdDecompressSync(content, { maxOutputLength: mostBytes });
  let at = headerLengthBytes + whole.readUInt32BE(0);
  const entries: Entry[] = JSON.parse(whole.toString("utf8", headerLengthBytes, at));
  return entries.map(([path, size]) => {
    const bytes = whole.subarray(at, at + size);
    at += size;
    return { path, bytes };
  });
};
