/** Http requests in the one form in which they are compared, stored and sent. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "./canonical.ts";
import { belowBase, type HttpEndpoint } from "./endpoint.ts";
import { handlesIn, holdsHandle, isHandle, secretReference } from "./handle.ts";
import { checkHeader } from "./http-headers.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { pathProblem } from "./path.ts";
import type { HttpStep } from "./plan.ts";
import { parsePointer, valueAt, withValueAt } from "./pointer.ts";
import { type HandleBook, misshapen, refuseUnknown } from "./step.ts";

type Pair = readonly [string, string];

const bodyKeys = ["json", "form", "multipart", "text", "base64"] as const;
export const requestKeys = [
  "transport",
  "method",
  "path",
  "url",
  "query",
  "headers",
  ...bodyKeys,
  "content_type",
] as const;

const misplaced = (where: string): SwitchyardError =>
  new SwitchyardError("handle_misplaced", {
    detail: `A secret stands ${where}: it may stand in a header after a literal prefix, or whole in a body field that the manifest's places[] names.`,
  });
const notAllowed = (detail: string): SwitchyardError => new SwitchyardError("endpoint_not_allowed", { detail });

const scalarText = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw misshapen(`Expected strings, numbers or booleans in query and form, got ${JSON.stringify(value ?? null)}.`);
};

/** Pairs of a query or form, given as a list of pairs or as an object. */
const pairsOf = (raw: Json | undefined): readonly Pair[] => {
  if (raw === undefined) return [];
  const entries: readonly unknown[] = Array.isArray(raw) ? raw : Object.entries(isJsonObject(raw) ? raw : {});
  return entries.map((entry): Pair => {
    if (!Array.isArray(entry) || entry.length !== 2)
      throw misshapen("Expected query and form as pairs of name and value.");
    return [scalarText(entry[0]), scalarText(entry[1])];
  });
};

const decodeQuery = (query: string): readonly Pair[] =>
  query === "" ? [] : [...new URLSearchParams(query)].map(([name, value]): Pair => [name, value]);

const placeOf = (raw: JsonObject, endpoint: HttpEndpoint): { path: string; query: readonly Pair[] } => {
  const given = pairsOf(raw["query"]);
  const { path = "", url } = raw;
  if (url === undefined) {
    if (typeof path !== "string") throw misshapen("Expected `path` as a string.");
    return { path, query: given };
  }
  if (typeof url !== "string" || raw["path"] !== undefined)
    throw misshapen("Expected either `path` or `url`, as a string.");
  const below = belowBase(url, endpoint);
  if (below === undefined) {
    throw notAllowed(`The url ${JSON.stringify(url.slice(0, 200))} does not lie below the instance's base URL.`);
  }
  return { path: below.path, query: [...decodeQuery(below.query ?? ""), ...given] };
};

/** A header's value with a handle at its end as a reference to the secret. Cookies of this session stay as they are. */
const placeHeader = (name: string, value: string, book: HandleBook): string => {
  if (value.includes("{secret:")) throw misplaced(`in the header ${name}, not as a handle`);
  const [handle, ...others] = handlesIn(value);
  if (handle === undefined) return value;
  if (others.length > 0 || !value.endsWith(handle)) throw misplaced(`in the middle of the header ${name}`);
  if (book.isSessionValue(handle)) return value;
  const secret = book.secretOf(handle);
  if (secret === undefined) throw misplaced(`in the header ${name}, and belongs to another instance`);
  return `${value.slice(0, -handle.length)}${secretReference(secret)}`;
};

const headersOf = (
  raw: Json | undefined,
  endpoint: HttpEndpoint,
  book: HandleBook,
): Readonly<Record<string, string>> => {
  if (raw === undefined) return {};
  if (!isJsonObject(raw)) throw misshapen("Expected headers as an object of strings.");
  const fromManifest = manifestHeaders(endpoint);
  const entries = Object.entries(raw).map(([name, value]): Pair => {
    const text = scalarText(value);
    checkHeader(name, text, fromManifest);
    return [name.toLowerCase(), placeHeader(name, text, book)];
  });
  return Object.fromEntries(entries);
};

/** Names of the headers that the manifest sets. */
const manifestHeaders = ({ headers, writeHeaders, basic }: HttpEndpoint): readonly string[] => [
  ...Object.keys(headers),
  ...Object.keys(writeHeaders),
  ...(basic === null ? [] : ["authorization"]),
];

const placeInJson = (json: Json, places: readonly string[], book: HandleBook): Json =>
  places.reduce((body, pointer) => {
    const value = valueAt(body, pointer);
    if (typeof value !== "string") return body;
    if (value.startsWith("{secret:")) throw misplaced("in the body, not as a handle");
    const secret = isHandle(value) ? book.secretOf(value) : undefined;
    return secret === undefined ? body : withValueAt(body, pointer, secretReference(secret));
  }, json);

/** Whether a form field or multipart part of this name may hold a secret. */
const isPlace = (name: string, places: readonly string[]): boolean =>
  places.some((pointer) => {
    const tokens = parsePointer(pointer);
    return tokens?.length === 1 && tokens[0] === name;
  });

const placeText = (name: string, value: string, places: readonly string[], book: HandleBook): string => {
  if (!isPlace(name, places)) return value;
  if (value.startsWith("{secret:")) throw misplaced("in the body, not as a handle");
  const secret = isHandle(value) ? book.secretOf(value) : undefined;
  return secret === undefined ? value : secretReference(secret);
};

const contentKeys = ["text", "json", "base64"] as const;
const partKeys = ["name", "filename", "content_type", ...contentKeys] as const;

/** The one of `keys` that has a value; several would leave open which of them is sent. */
const onlyOf = <K extends string>(keys: readonly K[], raw: JsonObject, what: string): K | undefined => {
  const [key, ...others] = keys.filter((candidate) => raw[candidate] !== undefined);
  if (others.length > 0) throw misshapen(`Expected one ${what}, got ${[key, ...others].join(" and ")}.`);
  return key;
};

const partOf = (raw: Json, endpoint: HttpEndpoint, book: HandleBook): JsonObject => {
  if (!isJsonObject(raw) || typeof raw["name"] !== "string") throw misshapen("Expected multipart parts with a name.");
  refuseUnknown(raw, partKeys, "a multipart part");
  onlyOf(contentKeys, raw, "content of a multipart part");
  const isText = [raw["name"], raw["filename"], raw["content_type"], raw["text"], raw["base64"]].every(
    (value) => value === undefined || typeof value === "string",
  );
  if (!isText) throw misshapen("Expected name, filename, content_type, text and base64 of a part as strings.");
  if (/[\r\n"]/.test(`${raw["name"]}${String(raw["filename"] ?? "")}${String(raw["content_type"] ?? "")}`)) {
    throw notAllowed("A multipart part's name or type holds a quote or line end: nothing was sent.");
  }
  const text = raw["text"];
  return typeof text === "string" ? { ...raw, text: placeText(raw["name"], text, endpoint.places, book) } : raw;
};

type Body = Pick<HttpStep, "json" | "form" | "multipart" | "text" | "base64">;

const textBody = (key: "text" | "base64", raw: Json): Body => {
  if (typeof raw !== "string") throw misshapen(`Expected ${key} as a string.`);
  if (key === "base64" && !/^[A-Za-z0-9+/]*={0,2}$/.test(raw))
    throw misshapen("Expected base64 in its usual alphabet.");
  return { [key]: raw };
};

const bodyOf = (raw: JsonObject, endpoint: HttpEndpoint, book: HandleBook): Body => {
  const key = onlyOf(bodyKeys, raw, "body");
  if (key === undefined) return {};
  const value = raw[key] ?? null;
  if (key === "json") return { json: placeInJson(value, endpoint.places, book) };
  if (key === "form") {
    return { form: pairsOf(value).map(([name, text]): Pair => [name, placeText(name, text, endpoint.places, book)]) };
  }
  if (key !== "multipart") return textBody(key, value);
  if (!Array.isArray(value)) throw misshapen("Expected multipart as a list of parts.");
  return { multipart: value.map((part) => partOf(part as Json, endpoint, book)) };
};

const methodOf = (raw: Json | undefined): string => {
  const method = raw === undefined ? "GET" : String(raw).toUpperCase();
  if (!/^[A-Z]{1,20}$/.test(method) || method === "CONNECT" || method === "TRACE") {
    throw notAllowed(`Expected an http method such as GET or POST, got ${JSON.stringify(String(raw).slice(0, 40))}.`);
  }
  return method;
};

const contentTypeOf = (raw: Json | undefined): string | undefined => {
  if (raw === undefined) return undefined;
  if (typeof raw !== "string") throw misshapen("Expected content_type as a string.");
  checkHeader("content-type", raw, []);
  return raw;
};

/** Handles that were not placed stand where they may not: in path, query, names, or another field of the body. */
const refuseMisplaced = (step: HttpStep): void => {
  if (!canonicalJson(step).includes("swh_")) return;
  const { headers = {}, ...rest } = step;
  const where = Object.entries(rest).find(([, value]) => holdsHandle(value))?.[0];
  if (where !== undefined) throw misplaced(`in \`${where}\` of a request`);
  if (holdsHandle(Object.keys(headers))) throw misplaced("in a header's name");
};

/**
 * Brings a driver's request into the form in which it is judged, stored and sent; nothing is normalised that a server
 * could read in two ways.
 * @throws SwitchyardError `endpoint_not_allowed`, `handle_misplaced`, or `driver_failed` for a wrong shape.
 */
export const normaliseHttp = (raw: JsonObject, endpoint: HttpEndpoint, book: HandleBook): HttpStep => {
  const method = methodOf(raw["method"]);
  const { path, query } = placeOf(raw, endpoint);
  const problem = pathProblem(path);
  if (problem !== undefined) throw notAllowed(`The path was refused: ${problem}.`);
  const headers = headersOf(raw["headers"], endpoint, book);
  const { "content-type": headerType, ...others } = headers;
  const contentType = contentTypeOf(raw["content_type"]) ?? headerType;
  const step: HttpStep = {
    transport: endpoint.name,
    method,
    path,
    ...(query.length === 0 ? {} : { query }),
    ...(Object.keys(others).length === 0 ? {} : { headers: others }),
    ...bodyOf(raw, endpoint, book),
    ...(contentType === undefined ? {} : { content_type: contentType }),
  };
  refuseMisplaced(step);
  return step;
};

const overrideName = /^_method(?:\[.*)?$/i;

/** Whether the request asks the server to take it for another method (`_method` in query, form or JSON). */
export const overridesMethod = ({ query = [], form = [], multipart = [], json }: HttpStep): boolean =>
  [...query, ...form].some(([name]) => overrideName.test(name.trim())) ||
  multipart.some(({ name }) => typeof name === "string" && overrideName.test(name)) ||
  (isJsonObject(json) && Object.keys(json).some((name) => overrideName.test(name)));

export const hasBody = (step: HttpStep): boolean => bodyKeys.some((key) => step[key] !== undefined);

/** The query as it is sent, with `?`; empty without one. */
export const queryText = (query: HttpStep["query"] = []): string => {
  const text = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  return text === "" ? "" : `?${text}`;
};
