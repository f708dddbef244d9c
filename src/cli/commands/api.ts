/** Any route of the API, by method and path. */
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { didYouMean } from "../../model/nearest.ts";
import { call, program as name } from "../called.ts";
import { failureOf, unreachable } from "../client/http.ts";
import { collected, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure, usage } from "../failure.ts";
import { printJson, type Session } from "../session.ts";
import { plain } from "../view/terminal.ts";

const anything = "application/json, application/problem+json, */*;q=0.5";
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const typeByEnding: Readonly<Record<string, string>> = {
  ".json": "application/json",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".txt": "text/plain; charset=utf-8",
};

interface ApiOptions {
  readonly data?: string;
  readonly file?: string;
  readonly form: readonly string[];
  readonly contentType?: string;
  readonly header: readonly string[];
}

/** What goes with the request. */
interface Body {
  readonly payload?: string | Buffer | FormData;
  readonly type?: string;
}

const readBytes = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch {
    throw usage(`The file ${path} cannot be read.`);
  }
};

const jsonBody = async ({ terminal }: Session, source: string): Promise<Body> => {
  const text =
    source === "-"
      ? await terminal.readAll()
      : source.startsWith("@")
        ? readBytes(source.slice(1)).toString("utf8")
        : source;
  try {
    JSON.parse(text);
  } catch (thrown) {
    throw usage(`--data: expected JSON, @file or -: ${(thrown as Error).message}`, [
      "Anything that is not JSON: --file path --content-type type",
    ]);
  }
  return { payload: text, type: "application/json" };
};

const fileBody = async ({ terminal }: Session, path: string): Promise<Body> => {
  const type = typeByEnding[extname(path).toLowerCase()] ?? "application/octet-stream";
  return { payload: path === "-" ? await terminal.readAll() : readBytes(path), type };
};

/** `name=@path` is a file, `name=value` a field. */
const formBody = (parts: readonly string[]): Body => {
  const form = new FormData();
  for (const part of parts) {
    const [, field = "", value = ""] = /^([^=]+)=(.*)$/s.exec(part) ?? [];
    if (field === "") throw usage(`--form: expected name=value or name=@path, got ${JSON.stringify(part)}.`);
    if (!value.startsWith("@")) form.set(field, value);
    else form.set(field, new Blob([new Uint8Array(readBytes(value.slice(1)))]), basename(value));
  }
  return { payload: form };
};

const readBody = async (session: Session, options: ApiOptions): Promise<Body> => {
  const { data, file, form } = options;
  const given = [data, file, form.length > 0 ? form : undefined].filter((each) => each !== undefined);
  if (given.length > 1) throw usage("A request has one body: expected one of --data, --file and --form.");
  if (data !== undefined) return jsonBody(session, data);
  if (file !== undefined) return fileBody(session, file);
  return form.length > 0 ? formBody(form) : {};
};

const headerOf = (text: string): readonly [string, string] => {
  const colon = text.indexOf(":");
  if (colon < 1) throw usage(`--header: expected name:value, got ${JSON.stringify(text)}.`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
};

const headersFor = ({ contentType, header }: ApiOptions, fallback: string | undefined): Record<string, string> => {
  const type = contentType ?? fallback;
  return {
    accept: anything,
    ...(type === undefined ? {} : { "content-type": type }),
    ...Object.fromEntries(header.map(headerOf)),
  };
};

const methodOf = (text: string): string => {
  const method = text.toUpperCase();
  if (methods.includes(method)) return method;
  throw usage(`Expected a method, one of ${methods.join(", ")}, got ${JSON.stringify(text)}.`, [
    ...didYouMean(method, methods),
    `Such as: ${call("api", "GET", "/api/whoami")}`,
  ]);
};

/** As it comes: a stream line by line. A terminal is not to carry out what stands in it. */
const pour = async ({ terminal }: Session, response: Response): Promise<void> => {
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? [])
    terminal.raw(terminal.isLive ? plain(chunk) : chunk);
};

const ask = async (
  session: Session,
  [word = "", path = ""]: readonly string[],
  options: ApiOptions,
): Promise<ExitCode> => {
  const method = methodOf(word);
  if (!path.startsWith("/")) throw usage(`Expected a path such as /api/jobs, got ${JSON.stringify(path)}.`);
  const { api, signal } = session;
  const { payload, type } = await readBody(session, options);
  const headers = headersFor(options, type);
  const request = { headers, signal, ...(payload === undefined ? {} : { payload }) };
  const response = await api.open(method, path, request).catch((thrown: unknown) => {
    throw unreachable(api.server, thrown);
  });
  const isDocument = /json/.test(response.headers.get("content-type") ?? "") && method !== "HEAD";
  if (!isDocument && (response.ok || response.status < 400)) {
    await pour(session, response);
    return exitCodes.succeeded;
  }
  const document: unknown = isDocument ? await response.json() : undefined;
  if (response.ok) {
    printJson(session, document);
    return exitCodes.succeeded;
  }
  if (isDocument && !session.isJson) printJson(session, document);
  const { exitCode, problem, hints } = failureOf(api.server, response.status, document);
  throw new CliFailure(exitCode, problem, hints, { isRaw: true });
};

export const apiCommands: Group = (program, act) => {
  program
    .command("api <method> <path>")
    .description("ask any route, such as GET /api/openapi.json, and print the answer")
    .option("-d, --data <json>", "the body: JSON, @file, or - for standard input")
    .option("-f, --file <path>", "the body: a file as it is, or - for standard input")
    .option("--form <name=value|name=@path>", "a field or a file of a form; may be repeated", collected, [])
    .option("--content-type <type>", "the body's media type (default: by the file's ending)")
    .option("--header <name:value>", "may be repeated", collected, [])
    .addHelpText(
      "after",
      `\nExamples:\n  $ ${name} api GET /api/whoami\n  $ ${name} api POST /api/integrations/types/upload --form file=@lamp.int`,
    )
    .action(act(ask));
};
