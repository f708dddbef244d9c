/** An http step as bytes: headers in their order, body serialised, secrets put in at the last moment. */
import { canonicalJson, sha256Hex } from "../model/canonical.ts";
import type { HttpEndpoint } from "../model/endpoint.ts";
import { handlesIn, referencedSecret, trailingReference } from "../model/handle.ts";
import { queryText } from "../model/http-step.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { HttpStep } from "../model/plan.ts";
import { parsePointer, valueAt, withValueAt } from "../model/pointer.ts";
import { fill, type Rendered } from "../model/template.ts";
import type { LoginValues } from "./http-login.ts";
import type { RawRequest } from "./http-pool.ts";
import type { SecretBook } from "./secrets.ts";

interface Body {
  readonly bytes: string | Buffer;
  readonly type: string;
}

const secretText = (value: string, secrets: SecretBook): string => {
  const name = referencedSecret(value);
  return name === undefined ? value : secrets.valueOf(name);
};

const fillJson = (json: Json, places: readonly string[], secrets: SecretBook): Json =>
  places.reduce((body, pointer) => {
    const value = valueAt(body, pointer);
    const name = typeof value === "string" ? referencedSecret(value) : undefined;
    return name === undefined ? body : withValueAt(body, pointer, secrets.valueOf(name));
  }, json);

const isPlace = (name: string, places: readonly string[]): boolean =>
  places.some((pointer) => {
    const [token, ...deeper] = parsePointer(pointer) ?? [];
    return deeper.length === 0 && token === name;
  });

const fillField = (name: string, value: string, places: readonly string[], secrets: SecretBook): string =>
  isPlace(name, places) ? secretText(value, secrets) : value;

const partHead = (part: JsonObject): string => {
  const { name, filename, content_type: type, json } = part;
  const file = filename === undefined ? "" : `; filename="${String(filename)}"`;
  const kind = type ?? (json === undefined ? undefined : "application/json");
  return `content-disposition: form-data; name="${String(name)}"${file}\r\n${kind === undefined ? "" : `content-type: ${String(kind)}\r\n`}\r\n`;
};

const partBytes = (part: JsonObject, places: readonly string[], secrets: SecretBook): Buffer => {
  if (typeof part["base64"] === "string") return Buffer.from(part["base64"], "base64");
  if (part["json"] !== undefined) return Buffer.from(canonicalJson(part["json"]));
  return Buffer.from(fillField(String(part["name"]), String(part["text"] ?? ""), places, secrets));
};

/** The boundary comes from the content's hash, so that the same step is the same bytes. */
const multipartBody = (parts: readonly JsonObject[], places: readonly string[], secrets: SecretBook): Body => {
  const boundary = `switchyard-${sha256Hex(canonicalJson(parts)).slice(0, 40)}`;
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${partHead(part)}`),
    partBytes(part, places, secrets),
    Buffer.from("\r\n"),
  ]);
  return {
    bytes: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
    type: `multipart/form-data; boundary=${boundary}`,
  };
};

const formText = (pairs: readonly (readonly [string, string])[]): string =>
  new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString();

const bodyOf = (step: HttpStep, { places }: HttpEndpoint, secrets: SecretBook): Body | null => {
  if (step.json !== undefined) {
    return { bytes: canonicalJson(fillJson(step.json, places, secrets)), type: "application/json" };
  }
  if (step.form !== undefined) {
    const filled = step.form.map(([name, value]) => [name, fillField(name, value, places, secrets)] as const);
    return { bytes: formText(filled), type: "application/x-www-form-urlencoded" };
  }
  if (step.multipart !== undefined) return multipartBody(step.multipart, places, secrets);
  if (step.text !== undefined) return { bytes: step.text, type: "text/plain; charset=utf-8" };
  if (step.base64 === undefined) return null;
  return { bytes: Buffer.from(step.base64, "base64"), type: "application/octet-stream" };
};

/** A driver's header: its secret reference or session handle, which can only stand at the end, as the value. */
const headerText = (value: string, secrets: SecretBook): string => {
  const [handle] = handlesIn(value);
  const session = handle === undefined ? undefined : secrets.sessionValue(handle);
  if (handle !== undefined && session !== undefined) return value.slice(0, -handle.length) + session;
  const placed = trailingReference(value);
  return placed === undefined ? value : `${placed[0]}${secrets.valueOf(placed[1])}`;
};

const singleLine = (value: string): string => value.replaceAll(/[\r\n\0]+/g, " ").trim();

interface SendFacts {
  readonly endpoint: HttpEndpoint;
  readonly secrets: SecretBook;
  readonly login: LoginValues | null;
  readonly isWrite: boolean;
}

/** Headers of the manifest; a template that needs a login value is left out while there is no login. */
const manifestHeaders = ({ endpoint, secrets, login, isWrite }: SendFacts): Record<string, string> => {
  const lookUp = (kind: "secret" | "login", name: string): string =>
    kind === "secret" ? secrets.valueOf(name) : (login?.values.get(name) ?? "");
  const text = (rendered: Rendered): string => singleLine(fill(rendered, lookUp));
  const headers: Record<string, string> = {};
  for (const [name, rendered] of Object.entries({ ...endpoint.headers, ...(isWrite ? endpoint.writeHeaders : {}) })) {
    if (login !== null || !rendered.some((part) => "login" in part)) headers[name] = text(rendered);
  }
  if (endpoint.basic !== null) {
    headers["authorization"] = `Basic ${Buffer.from(fill(endpoint.basic, lookUp)).toString("base64")}`;
  }
  return headers;
};

/** The request as it goes on the wire. */
export const rawRequest = (step: HttpStep, facts: SendFacts): RawRequest => {
  const { endpoint, secrets } = facts;
  const body = bodyOf(step, endpoint, secrets);
  const type = step.multipart === undefined ? (step.content_type ?? body?.type) : body?.type;
  const headers: Record<string, string> = { "user-agent": "switchyard", accept: "*/*" };
  for (const [name, value] of Object.entries(step.headers ?? {})) headers[name] = headerText(value, secrets);
  Object.assign(headers, manifestHeaders(facts));
  if (body !== null && type !== undefined) headers["content-type"] = type;
  const path = `${endpoint.prefix}${step.path}` || "/";
  return {
    method: step.method,
    path: `${path}${queryText(step.query)}`,
    headers: Object.entries(headers).flat(),
    body: body?.bytes ?? null,
  };
};
