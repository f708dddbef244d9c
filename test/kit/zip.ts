/** Zip archives made byte by byte, so that a test can make them lie. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
  readonly name: string | Buffer;
  readonly bytes?: Buffer | string;
  /** 0 stored, 8 deflated (default). */
  readonly method?: number;
  /** Unix mode with its file type, such as 0o120777 for a symbolic link. */
  readonly mode?: number;
  readonly flags?: number;
  readonly extra?: Buffer;
  /** What the headers claim instead of the truth. */
  readonly crc?: number;
  readonly size?: number;
}

export interface ZipOptions {
  /** How many entries the end record announces. */
  readonly announced?: number;
}

const u16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

const utf8 = 0x0800;

const encode = (entry: ZipEntry) => {
  const name = Buffer.from(entry.name as string);
  const content = Buffer.from((entry.bytes ?? "") as string);
  const method = entry.method ?? 8;
  const packed = method === 8 ? deflateRawSync(content, { level: 9 }) : content;
  const extra = entry.extra ?? Buffer.alloc(0);
  const common = Buffer.concat([
    u16(20),
    u16(entry.flags ?? utf8),
    u16(method),
    u32(0),
    u32(entry.crc ?? crc32(content)),
    u32(packed.length),
    u32(entry.size ?? content.length),
    u16(name.length),
    u16(extra.length),
  ]);
  return { entry, name, packed, extra, common };
};

/** A zip of these entries; everything in it is what the entries say, true or not. */
export const makeZip = (entries: readonly ZipEntry[], options: ZipOptions = {}): Buffer => {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { entry, name, packed, extra, common } of entries.map(encode)) {
    const local = Buffer.concat([u32(0x04034b50), common, name, extra, packed]);
    const mode = entry.mode ?? 0o100644;
    centrals.push(
      Buffer.concat([
        u32(0x02014b50),
        u16((3 << 8) | 20),
        common,
        u16(0),
        u16(0),
        u16(0),
        u32(mode << 16),
        u32(offset),
        name,
        extra,
      ]),
    );
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const count = options.announced ?? entries.length;
  const end = Buffer.concat([
    u32(0x06054b50),
    u16(0),
    u16(0),
    u16(count),
    u16(count),
    u32(directory.length),
    u32(offset),
    u16(0),
  ]);
  return Buffer.concat([...locals, directory, end]);
};
