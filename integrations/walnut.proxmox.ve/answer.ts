/** What the API answers: `data` unwrapped, and each kind of failure as its cause with the next step. */
import { DriverError, type HttpClient, type HttpRequest, type HttpResponse } from "switchyard/sdk";

type Row = Readonly<Record<string, unknown>>;
const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
};

/** The API's own words: `message` since version 8, `errors` for refused parameters, nothing from the proxy in front. */
const wordsOf = (body: string): string => {
  const document = parsed(body);
  if (!isRow(document)) return "";
  const message = typeof document["message"] === "string" ? [document["message"].trim()] : [];
  const errors = isRow(document["errors"]) ? document["errors"] : {};
  return [...message, ...Object.entries(errors).map(([name, words]) => `${name}: ${String(words).trim()}`)].join(" ");
};

interface Cause {
  readonly when: (status: number, words: string) => boolean;
  readonly code: string;
  readonly next: string;
}
const causes: readonly Cause[] = [
  {
    when: (status) => status === 401,
    code: "auth_failed",
    next: "Check token_name (user@realm!id, upper and lower case count), the token secret, and whether the token expired.",
  },
  {
    when: (status) => status === 403,
    code: "permission_denied_remote",
    next: "Grant the token that privilege on that path; with privilege separation the token needs an entry of its own.",
  },
  {
    when: (status, words) =>
      status === 404 || (status === 500 && /does not exist|no such|hostname lookup .* failed/i.test(words)),
    code: "target_not_found",
    next: "It may have been removed or moved to another node: refresh the inventory and check the id.",
  },
  {
    when: (status) => status === 400,
    code: "device_error",
    next: "A parameter was refused: check it against the API of the installed version.",
  },
  {
    when: (status) => status === 501,
    code: "device_error",
    next: "The installed version does not offer this call.",
  },
  {
    when: (status) => status >= 595,
    code: "device_error",
    next: "The node that was asked cannot reach the node in charge: check that it is online and the cluster's network.",
  },
  {
    when: (status) => status >= 500,
    code: "device_error",
    next: "Look at the node's task log and at the journal of pveproxy and pvedaemon.",
  },
];

/** The error for an answer that is none; `doing` completes "Proxmox VE answered ... to". */
export const failureOf = (status: number, body: string, doing: string): DriverError => {
  const words = wordsOf(body);
  const cause = causes.find(({ when }) => when(status, words));
  const code = cause?.code ?? "protocol_mismatch";
  const next = cause?.next ?? "Check that host and port are those of the Proxmox VE API.";
  const seen = words === "" ? `${status}` : `${status} (${words})`;
  return new DriverError(code, `Proxmox VE answered ${seen} to ${doing}. ${next}`, { status, message: words });
};

/** `data` of an answer. Throws the cause of a failure, `protocol_mismatch` when it is not the API's form. */
export const dataOf = (response: Pick<HttpResponse, "status" | "body">, doing: string): unknown => {
  const { status, body } = response;
  if (status < 200 || status > 299) throw failureOf(status, body, doing);
  const document = parsed(body);
  if (!isRow(document) || !("data" in document)) {
    const expected = "Expected a JSON object with data, as the Proxmox VE API answers";
    throw new DriverError("protocol_mismatch", `${expected}, got something else to ${doing}. Check host and port.`);
  }
  return document["data"];
};

/** One read, unwrapped. */
export const read = async (http: HttpClient, path: string, query: HttpRequest["query"] = {}): Promise<unknown> =>
  dataOf(await http.request({ method: "GET", path, query }), `GET ${path}`);

/** A list of objects; anything else is `protocol_mismatch`. */
export const rowsOf = (data: unknown, what: string): readonly Row[] => {
  if (Array.isArray(data) && data.every(isRow)) return data;
  throw new DriverError("protocol_mismatch", `Expected a list of ${what} from Proxmox VE, got something else.`);
};

/** One object; anything else is `protocol_mismatch`. */
export const rowOf = (data: unknown, what: string): Row => {
  if (isRow(data)) return data;
  throw new DriverError("protocol_mismatch", `Expected ${what} from Proxmox VE, got something else.`);
};
