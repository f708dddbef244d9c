/** One request and its answer on the wire, with the faults that may befall them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import type { Fault } from "./faults.ts";
import type { Params } from "./guest-power.ts";
import type { Reply } from "./routes.ts";

const maxBody = 1024 * 1024;

const readBody = async (request: IncomingMessage): Promise<string> => {
  let body = "";
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBody) throw new ApiError(413, "request entity too large");
  }
  return body;
};

const textOf = (value: unknown): string => (typeof value === "boolean" ? (value ? "1" : "0") : String(value));

const bodyParams = (body: string, contentType: string): Params => {
  if (body === "") return {};
  if (!contentType.includes("json")) return Object.fromEntries(new URLSearchParams(body));
  try {
    const parsed: unknown = JSON.parse(body);
    return Object.fromEntries(Object.entries(parsed as object).map(([name, value]) => [name, textOf(value)]));
  } catch {
    throw new ApiError(400, "unable to parse the JSON body");
  }
};

/** Parameters of query and body together, as text. */
export const readParams = async (request: IncomingMessage, url: URL): Promise<Params> => ({
  ...Object.fromEntries(url.searchParams),
  ...bodyParams(await readBody(request), request.headers["content-type"] ?? ""),
});

/** The failure stands in the status line, and in the body under `message`, as since version 8. */
const failure = (thrown: unknown): { status: number; message: string; body: string } => {
  const error = thrown instanceof ApiError ? thrown : new ApiError(500, `lab: ${String(thrown)}`);
  const errors = Object.keys(error.errors).length > 0 ? { errors: error.errors } : {};
  const body = error.hasBody ? JSON.stringify({ data: null, message: `${error.message}\n`, ...errors }) : "";
  return { status: error.status, message: error.message, body };
};

export type Outcome = { readonly reply: Reply } | { readonly thrown: unknown };

const write = (response: ServerResponse, outcome: Outcome, isHalf: boolean): void => {
  const failed = "thrown" in outcome ? failure(outcome.thrown) : null;
  const body = failed?.body ?? JSON.stringify("reply" in outcome ? outcome.reply : null);
  response.statusMessage = (failed?.message ?? "OK").replaceAll(/[^\x20-\x7e]/g, " ");
  response.writeHead(failed?.status ?? 200, {
    "content-type": "application/json;charset=UTF-8",
    "content-length": Buffer.byteLength(body),
    server: "pve-api-daemon/3.0",
  });
  if (!isHalf) {
    response.end(body);
    return;
  }
  response.write(body.slice(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
};

/** Sends the answer as the fault wants it. `hung` sends none: the connection stays open until the client leaves. */
export const respond = (response: ServerResponse, outcome: Outcome, fault: Fault | null): void => {
  if (fault?.kind === "hung") return;
  if (fault?.kind === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if (fault?.kind === "error") {
    const status = fault.status ?? 500;
    const bare = status >= 595;
    const thrown = new ApiError(status, fault.message ?? "simulated failure", { bare });
    write(response, { thrown }, false);
    return;
  }
  write(response, outcome, fault?.kind === "half");
};
