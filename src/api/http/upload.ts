/** Takes an uploaded archive: streamed to a scratch file, counted and hashed on the way, under a name of our own. */
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream } from "@fastify/busboy";
import { SwitchyardError } from "../../errors.ts";
import { refuse } from "./body.ts";

const maxArchiveBytes = 10 * 1024 * 1024;
/** What boundaries and headers of the form may add. */
const formOverhead = 128 * 1024;

export interface Upload {
  readonly digest: string;
  /** What the client calls it: shown, never used as a path. */
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

const tooLarge = (): SwitchyardError =>
  new SwitchyardError("archive_too_large", {
    detail: "An archive may have 10 MiB at most. Leave out what is no code.",
  });

const requireExtension = (fileName: string): void => {
  if (/\.int$/i.test(fileName)) return;
  throw new SwitchyardError("extension_not_int", {
    detail: `Expected a file whose name ends in .int, got ${JSON.stringify(fileName.slice(0, 100))}.`,
  });
};

/** A full disk is no mistake of anybody's request: it may be sent again once there is room. */
const asDiskFault = (error: unknown): unknown => {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  const why = code === "ENOSPC" ? "no space is left there" : `the system says ${code}`;
  return new SwitchyardError("store_unavailable", {
    detail: `The archive could not be kept in the data folder: ${why}. Nothing was accepted; send it again later.`,
    cause: error,
  });
};

interface Kept {
  readonly fileName: string;
  readonly digest: string;
}

/** Writes the part to the scratch file while counting and hashing it. */
const keep = async (
  part: BusboyFileStream,
  fileName: string,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<Kept> => {
  const hash = createHash("sha256");
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxArchiveBytes) return done(tooLarge());
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const file = createWriteStream(path, { mode: 0o600, flags: "wx" });
  await pipeline(part, meter, file, { signal }).catch((error: unknown) => {
    throw asDiskFault(error);
  });
  return { fileName, digest: hash.digest("hex") };
};

const malformed = (message: string): SwitchyardError =>
  new SwitchyardError("validation_failed", {
    detail: `The form cannot be read: ${message}.`,
    errors: [{ pointer: "/file", message }],
  });

const openForm = (contentType: string) => {
  try {
    const limits = { files: 1, fields: 20, parts: 25, fieldSize: 65_536, headerPairs: 50 };
    return new Busboy({ headers: { "content-type": contentType }, limits });
  } catch {
    throw malformed("expected a multipart form with a boundary");
  }
};

/** How long a client may go on sending what was refused already. */
const readAwayMs = 5_000;

/**
 * Takes the rest of what may be sent and throws it away: whoever is answered and cut while still sending finds a broken
 * connection and never sees the answer.
 */
const readAway = async (source: Readable): Promise<void> => {
  let left = maxArchiveBytes + formOverhead;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, readAwayMs);
  for (const end of ["end", "close", "error"]) source.once(end, () => resolve());
  source.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) resolve();
  });
  source.resume();
  if (source.readableEnded || source.destroyed) resolve();
  await promise;
  clearTimeout(timer);
  source.destroy();
};

const readForm = async (body: ReadableStream<Uint8Array>, contentType: string, path: string): Promise<Kept> => {
  const form = openForm(contentType);
  const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  const kept = Promise.withResolvers<Kept | undefined>();
  const over = new AbortController();
  const stop = (error: unknown): void => kept.reject(error);
  let hasFile = false;
  form.on("file", (name, part, fileName) => {
    // Without a listener, a part that breaks off would end the process.
    part.on("error", () => undefined);
    if (name !== "file" || hasFile) return part.resume();
    hasFile = true;
    try {
      requireExtension(fileName ?? "");
    } catch (thrown) {
      part.resume();
      return stop(thrown);
    }
    keep(part, fileName, { path, signal: over.signal }).then(kept.resolve, stop);
  });
  form.on("error", (error) => stop(malformed(error instanceof Error ? error.message : "unknown")));
  form.on("finish", () => {
    if (!hasFile) kept.resolve(undefined);
  });
  source.on("error", () => stop(malformed("the connection ended before the form did")));
  source.pipe(form);
  try {
    const file = await kept.promise;
    return file ?? refuse([{ pointer: "/file", message: "expected a file in the form's field file, got none" }]);
  } finally {
    over.abort();
    source.unpipe(form);
    form.destroy();
    await readAway(source);
  }
};

/**
 * The archive in the form's field `file`.
 * @throws SwitchyardError `extension_not_int`, `archive_too_large`, `unsupported_media_type`, `validation_failed`
 */
export const readUpload = async (request: Request, scratchDir: string): Promise<Upload> => {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    throw new SwitchyardError("unsupported_media_type", {
      detail: "Expected the content type multipart/form-data with the archive in the field file.",
    });
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxArchiveBytes + formOverhead) throw tooLarge();
  if (request.body === null) return refuse([{ pointer: "/file", message: "expected a form, got nothing" }]);
  const path = join(scratchDir, `upload-${randomUUID()}.part`);
  try {
    const { fileName, digest } = await readForm(request.body, contentType, path);
    return { fileName, digest, bytes: await readFile(path) };
  } finally {
    await rm(path, { force: true });
  }
};
