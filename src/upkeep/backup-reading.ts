/** Reads a backup file, after it has looked whether every byte is as it was written. */
import { createHash } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import {
  digestBytes,
  type FrameCodec,
  formatName,
  formatVersion,
  frameBytes,
  frameCodec,
  frameHeadBytes,
  type Header,
  invalid,
  keyOf,
  type Line,
  mostHeaderBytes,
  tagBytes,
} from "./backup-format.ts";

export interface BackupFile {
  readonly header: Header;
  /** The body's lines, in order. */
  lines(): AsyncGenerator<Line>;
}

const damaged = "The file is damaged: it is not as it was written. Take another copy of it, or an earlier backup.";

const readHeader = async (handle: FileHandle): Promise<string> => {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(mostHeaderBytes), 0, mostHeaderBytes, 0);
  const end = buffer.subarray(0, bytesRead).indexOf("\n");
  if (end < 0) throw invalid("The file is no backup of Switchyard: it does not begin with the line that says so.");
  return buffer.toString("utf8", 0, end);
};

const parseHeader = (text: string): Header => {
  let header: Header;
  try {
    header = JSON.parse(text) as Header;
  } catch (error) {
    throw invalid("The file is no backup of Switchyard: it does not begin with the line that says so.", error);
  }
  if (header?.format !== formatName) throw invalid("The file is no backup of Switchyard.");
  return header;
};

const requireKnown = ({ version, schema, core }: Header, schemaVersion: number): void => {
  if (version <= formatVersion && schema <= schemaVersion) return;
  throw invalid(
    `The backup was made by version ${core} with schema ${schema}, this version knows ${schemaVersion}: restore it with that version, or a newer one.`,
  );
};

/** Everything but the digest at the end, which must be that of everything before it. */
const checkDigest = async (path: string, size: number): Promise<void> => {
  if (size <= digestBytes) throw invalid(damaged);
  const digest = createHash("sha256");
  const kept: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: size - digestBytes - 1 })) digest.update(chunk as Buffer);
  for await (const chunk of createReadStream(path, { start: size - digestBytes })) kept.push(chunk as Buffer);
  if (!digest.digest().equals(Buffer.concat(kept))) throw invalid(damaged);
};

const wrongPassphrase = "The passphrase is not the one that this backup was sealed with.";

interface Frame {
  readonly sealed: Buffer;
  readonly isLast: boolean;
}

/** Cuts the body into its frames; the last one must be there, and nothing after it. */
async function* framesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let held = Buffer.alloc(0);
  let isOver = false;
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    while (held.byteLength >= frameHeadBytes) {
      const end = frameHeadBytes + tagBytes + held.readUInt32BE(0);
      if (isOver || end > frameHeadBytes + tagBytes + frameBytes) throw invalid(damaged);
      if (held.byteLength < end) break;
      isOver = held.readUInt8(4) === 1;
      yield { sealed: held.subarray(frameHeadBytes, end), isLast: isOver };
      held = held.subarray(end);
    }
  }
  if (!isOver) throw invalid(damaged);
}

/** Frames as they were before they were sealed. */
async function* opened(chunks: AsyncIterable<Buffer>, codec: FrameCodec): AsyncGenerator<Buffer> {
  let index = 0;
  for await (const { sealed, isLast } of framesOf(chunks)) {
    let plain: Buffer;
    try {
      plain = codec.open(sealed, index, isLast);
    } catch (error) {
      throw invalid(index === 0 ? wrongPassphrase : damaged, error);
    }
    yield plain;
    index += 1;
  }
}

/** Splits at line feeds only: the text may hold any other mark that some take for the end of a line. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      yield JSON.parse(Buffer.concat(parts).toString("utf8")) as Line;
      parts = [];
      from = end + 1;
    }
    parts.push(chunk.subarray(from));
  }
}

const codecFor = async (header: Header, text: string, passphrase: string | null): Promise<FrameCodec | undefined> => {
  if (header.sealing === null) return undefined;
  if (passphrase === null) throw invalid("The backup is sealed: name the file that holds its passphrase.");
  return frameCodec(await keyOf(passphrase, header.sealing), text);
};

const decompressed = (body: ReadStream, codec: FrameCodec | undefined): AsyncIterable<Buffer> =>
  // A failure anywhere reaches whoever reads the end.
  pipeline(codec === undefined ? body : opened(body, codec), createZstdDecompress(), () => undefined);

/** @throws SwitchyardError `backup_invalid`: no backup, damaged, of a newer version, or another passphrase. */
export const readBackupFile = async (asked: {
  readonly path: string;
  readonly passphrase: string | null;
  /** The newest schema that is known here. */
  readonly schemaVersion: number;
}): Promise<BackupFile> => {
  const { path, passphrase, schemaVersion } = asked;
  const handle = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw invalid(
      error.code === "ENOENT" ? `There is no file ${path}.` : `The file ${path} cannot be opened (${error.code}).`,
      error,
    );
  });
  try {
    const text = await readHeader(handle);
    const header = parseHeader(text);
    requireKnown(header, schemaVersion);
    const { size } = await handle.stat();
    await checkDigest(path, size);
    const codec = await codecFor(header, text, passphrase);
    const start = Buffer.byteLength(text) + 1;
    return {
      header,
      lines: () => linesOf(decompressed(createReadStream(path, { start, end: size - digestBytes - 1 }), codec)),
    };
  } finally {
    await handle.close();
  }
};
