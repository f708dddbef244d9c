/** Writes a backup file: nobody sees it before it is whole and on disk, and it never replaces another one. */
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { SwitchyardError } from "../errors.ts";
import { type FrameCodec, frameBytes, type Header, type Line } from "./backup-format.ts";

type Chunks = AsyncIterable<Buffer>;

async function* jsonLines(lines: AsyncIterable<readonly Line[]>): AsyncGenerator<Buffer> {
  for await (const some of lines) yield Buffer.from(some.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

async function* sealed(chunks: Chunks, codec: FrameCodec): AsyncGenerator<Buffer> {
  let index = 0;
  let held = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    while (held.byteLength > frameBytes) {
      yield codec.seal(held.subarray(0, frameBytes), index++, false);
      held = held.subarray(frameBytes);
    }
  }
  yield codec.seal(held, index, true);
}

/** What is written, and at its end the digest of all of it. */
async function* withDigest(header: string, body: Chunks): AsyncGenerator<Buffer> {
  const digest = createHash("sha256");
  const first = Buffer.from(`${header}\n`);
  digest.update(first);
  yield first;
  for await (const chunk of body) {
    digest.update(chunk);
    yield chunk;
  }
  yield digest.digest();
}

export interface Writing {
  readonly path: string;
  readonly header: Header;
  /** Sealed when there is one. */
  codecOf(headerText: string): FrameCodec | undefined;
  readonly lines: AsyncIterable<readonly Line[]>;
  readonly signal?: AbortSignal;
}

const fill = async (handle: FileHandle, { header, codecOf, lines, signal }: Writing): Promise<void> => {
  const text = JSON.stringify(header);
  const codec = codecOf(text);
  const body = async function* (compressed: Chunks): AsyncGenerator<Buffer> {
    yield* withDigest(text, codec === undefined ? compressed : sealed(compressed, codec));
  };
  const sink = async (chunks: Chunks): Promise<void> => {
    for await (const chunk of chunks) await handle.appendFile(chunk);
  };
  const options = signal === undefined ? {} : { signal };
  await pipeline(jsonLines(lines), createZstdCompress(), body, sink, options);
  await handle.sync();
};

const unwritable = (path: string, error: unknown): SwitchyardError => {
  const { code } = error as NodeJS.ErrnoException;
  const found = code === "EEXIST" ? "a file of that name" : (code ?? "a failure");
  return new SwitchyardError("backup_failed", {
    detail: `Expected to write ${basename(path)}, found ${found}; name another file, or make room.`,
    cause: error,
  });
};

/** @throws SwitchyardError `backup_failed` when the file exists or cannot be written; no part of it stays. */
export const writeBackupFile = async (writing: Writing): Promise<void> => {
  const { path } = writing;
  const draft = join(dirname(path), `.${basename(path)}.part`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(draft, { force: true });
    const handle = await open(draft, "wx", 0o600);
    try {
      await fill(handle, writing);
    } finally {
      await handle.close();
    }
    linkSync(draft, path);
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (error instanceof SwitchyardError || typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    throw unwritable(path, error);
  } finally {
    rmSync(draft, { force: true });
  }
};
