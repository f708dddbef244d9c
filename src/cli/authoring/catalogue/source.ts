/** Where a catalogue and its archives lie: a folder, or below a URL. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { exitCodes } from "../../exit-codes.ts";
import { CliFailure, usage } from "../../failure.ts";

const timeoutMs = 30_000;

export interface Wanted {
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

export interface CatalogueSource {
  readonly name: string;
  /** The catalogue itself. @throws CliFailure */
  read(wanted: Wanted): Promise<Buffer>;
  /** A file beside it. @throws CliFailure */
  readBeside(file: string, wanted: Wanted): Promise<Buffer>;
}

const unreachable = (place: string, seen: string): CliFailure =>
  new CliFailure(exitCodes.failed, {
    title: "The catalogue cannot be reached",
    detail: `${place}: ${seen}`,
    code: "catalog_unreachable",
  });
const tooLarge = (place: string, mostBytes: number): CliFailure =>
  unreachable(place, `expected at most ${mostBytes} bytes, got more.`);

const readPath = async (path: string, { mostBytes }: Wanted): Promise<Buffer> => {
  try {
    if ((await stat(path)).size > mostBytes) throw tooLarge(path, mostBytes);
    return await readFile(path);
  } catch (thrown) {
    if (thrown instanceof CliFailure) throw thrown;
    throw unreachable(path, `it cannot be read (${(thrown as NodeJS.ErrnoException).code ?? "unknown"}).`);
  }
};

const readBody = async (response: Response, place: string, mostBytes: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > mostBytes) throw tooLarge(place, mostBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const causeOf = (thrown: unknown): string => {
  const { cause, message } = thrown as Error;
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : message;
};

const readUrl = async (url: URL, { mostBytes, signal }: Wanted): Promise<Buffer> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    if (!response.ok) throw unreachable(url.href, `it answered with ${response.status}.`);
    return await readBody(response, url.href, mostBytes);
  } catch (thrown) {
    if (thrown instanceof CliFailure) throw thrown;
    throw unreachable(url.href, `no answer (${causeOf(thrown)}).`);
  }
};

const besideUrl = (base: URL, file: string): URL => {
  const folder = new URL(".", base);
  const url = new URL(file, folder);
  if (url.href.startsWith(folder.href)) return url;
  throw unreachable(url.href, "expected a file below the catalogue.");
};

/** @throws CliFailure for a URL that is none. */
export const openSource = (place: string, cwd: string): CatalogueSource => {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) {
    const path = resolve(cwd, place);
    return {
      name: place,
      read: (wanted) => readPath(path, wanted),
      readBeside: (file, wanted) => readPath(join(dirname(path), file), wanted),
    };
  }
  if (!/^https?:/i.test(place) || !URL.canParse(place)) {
    throw usage(`The catalogue ${place}: expected a file, or a URL that begins with https:// or http://.`);
  }
  const url = new URL(place);
  return {
    name: place,
    read: (wanted) => readUrl(url, wanted),
    readBeside: (file, wanted) => readUrl(besideUrl(url, file), wanted),
  };
};
