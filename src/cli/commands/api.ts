/** Any route of the API, by method and path. */
import { readFileSync } from "node:fs";
import { failureOf, unreachable } from "../client/http.ts";
import { collected, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { printJson, type Session } from "../session.ts";

const anything = "application/json, application/problem+json, */*;q=0.5";

interface ApiOptions {
  readonly data?: string;
  readonly header: readonly string[];
}

const readData = async ({ terminal }: Session, source: string | undefined): Promise<unknown> => {
  if (source === undefined) return undefined;
  const text =
    source === "-" ? await terminal.readAll() : source.startsWith("@") ? readFileSync(source.slice(1), "utf8") : source;
  try {
    return JSON.parse(text);
  } catch {
    throw usage("--data: expected JSON, @file or -.");
  }
};

const headerOf = (text: string): readonly [string, string] => {
  const colon = text.indexOf(":");
  if (colon < 1) throw usage(`--header: expected name:value, got ${JSON.stringify(text)}.`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
};

/** As it comes: a stream line by line. */
const pour = async ({ terminal }: Session, response: Response): Promise<void> => {
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) terminal.raw(chunk);
};

const call = async (
  session: Session,
  [method = "", path = ""]: readonly string[],
  options: ApiOptions,
): Promise<ExitCode> => {
  if (!path.startsWith("/")) throw usage(`Expected a path such as /api/jobs, got ${JSON.stringify(path)}.`);
  const { api, signal } = session;
  const body = await readData(session, options.data);
  const headers = { accept: anything, ...Object.fromEntries(options.header.map(headerOf)) };
  const request = { headers, signal, ...(body === undefined ? {} : { body }) };
  const response = await api.open(method.toUpperCase(), path, request).catch((thrown: unknown) => {
    throw unreachable(api.server, thrown);
  });
  const isDocument = /json/.test(response.headers.get("content-type") ?? "");
  if (!isDocument && response.ok) await pour(session, response);
  if (!isDocument) {
    if (response.ok) return exitCodes.succeeded;
    throw failureOf(api.server, response.status, undefined);
  }
  const document: unknown = await response.json();
  if (!response.ok) {
    if (!session.isJson) printJson(session, document);
    throw failureOf(api.server, response.status, document);
  }
  printJson(session, document);
  return exitCodes.succeeded;
};

export const apiCommands: Group = (program, act) => {
  program
    .command("api <method> <path>")
    .description("ask any route, such as GET /api/openapi.json, and print the answer")
    .option("--data <json>", "the body: JSON, @file, or - for standard input")
    .option("--header <name:value>", "may be repeated", collected, [])
    .action(act(call));
};
