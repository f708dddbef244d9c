/** Opens what is packed - archives, compressed values, backups, databases - so that a search sees what lies inside. */
import { DatabaseSync } from "node:sqlite";
import { gunzipSync, inflateRawSync, zstdDecompressSync } from "node:zlib";

/** Where something lies, and its bytes. */
export type Content = readonly [place: string, bytes: Buffer];
type Opener = (place: string, bytes: Buffer) => readonly Content[];

const entryMark = Buffer.from("PK\x01\x02", "latin1");
const endMark = Buffer.from("PK\x05\x06", "latin1");

/** Every entry that the directory at the end of a zip file names. */
const openZip: Opener = (place, bytes) => {
  const found: Content[] = [];
  let at = bytes.readUInt32LE(bytes.lastIndexOf(endMark) + 16);
  while (bytes.subarray(at, at + 4).equals(entryMark)) {
    const [size, local] = [bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)];
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(from, from + size);
    const isStored = bytes.readUInt16LE(at + 10) === 0;
    found.push([`${place}:${bytes.toString("utf8", at + 46, nameEnd)}`, isStored ? packed : inflateRawSync(packed)]);
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return found;
};

const digestBytes = 32;

/** What lies between the line that says what it is and the digest; nothing of a sealed one. */
const openBackup: Opener = (place, bytes) => {
  const bodyAt = bytes.indexOf("\n") + 1;
  const { sealing } = JSON.parse(bytes.toString("utf8", 0, bodyAt)) as { sealing: object | null };
  if (sealing !== null) return [];
  const lines = zstdDecompressSync(bytes.subarray(bodyAt, -digestBytes));
  const values = [...lines.toString("latin1").matchAll(/"base64":"([^"]*)"/g)].map(
    ([, text = ""], index): Content => [`${place}:value ${index + 1}`, Buffer.from(text, "base64")],
  );
  return [[`${place}:lines`, lines], ...values];
};

/** Every value of every row: a long one lies in pieces in the file itself. */
const openSqlite: Opener = (place, bytes) => {
  const copy = Buffer.from(bytes);
  // A copy in memory knows no write-ahead log, whatever the header says.
  copy.fill(1, 18, 20);
  const database = new DatabaseSync(":memory:");
  try {
    database.deserialize(copy);
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
    return tables.flatMap(({ name }) => {
      const rows = database.prepare(`select * from "${String(name)}"`);
      rows.setReadBigInts(true);
      const cells = [...rows.iterate()].flatMap((row) => Object.entries(row));
      const kept = cells.filter(([, value]) => typeof value === "string" || value instanceof Uint8Array);
      return kept.map(
        ([column, value]): Content => [`${place}:${String(name)}.${column}`, Buffer.from(value as Uint8Array)],
      );
    });
  } finally {
    database.close();
  }
};

/** Bytes stand in a dump as hexadecimal digits. */
const openDump: Opener = (place, bytes) =>
  [...bytes.toString("latin1").matchAll(/\\\\x([0-9a-f]+)/g)].map(([, digits = ""], index) => [
    `${place}:value ${index + 1}`,
    Buffer.from(digits, "hex"),
  ]);

const openers: readonly (readonly [begins: string, Opener])[] = [
  ["PK\x03\x04", openZip],
  ["\x1f\x8b\x08", (place, bytes) => [[`${place}:gunzipped`, gunzipSync(bytes)]]],
  ["\x28\xb5\x2f\xfd", (place, bytes) => [[`${place}:decompressed`, zstdDecompressSync(bytes)]]],
  ['{"format":"switchyard-backup"', openBackup],
  ["SQLite format 3\0", openSqlite],
  ["--\n-- PostgreSQL database dump", openDump],
];

/** The content itself and, as deep as it goes, all that is packed in it. */
export const unpacked = (content: Content): readonly Content[] => {
  const [place, bytes] = content;
  const opener = openers.find(([begins]) => bytes.subarray(0, begins.length).equals(Buffer.from(begins, "latin1")));
  return [content, ...(opener?.[1](place, bytes) ?? []).flatMap(unpacked)];
};
