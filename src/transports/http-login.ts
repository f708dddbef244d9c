/** Login sessions: once per instance, config revision and mode; a refused login is never tried again. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "../model/canonical.ts";
import type { HttpEndpoint, HttpLogin, LoginBody, Take, TemplateTree } from "../model/endpoint.ts";
import type { Json } from "../model/json.ts";
import { valueAt } from "../model/pointer.ts";
import { fill, type Rendered } from "../model/template.ts";
import { statusFailure } from "./causes.ts";
import { bodyText } from "./http-answer.ts";
import type { RawAnswer, RawRequest } from "./http-pool.ts";
import type { SecretBook } from "./secrets.ts";
import type { Wire } from "./wire.ts";

/** What a login brought, by the name in `take`. */
export interface LoginValues {
  readonly values: ReadonlyMap<string, string>;
}

const treeValue = (tree: TemplateTree, text: (rendered: Rendered) => string): Json => {
  if ("leaf" in tree) return tree.leaf;
  if ("template" in tree) return text(tree.template);
  if ("items" in tree) return tree.items.map((item) => treeValue(item, text));
  return Object.fromEntries(Object.entries(tree.members).map(([name, member]) => [name, treeValue(member, text)]));
};

const bodyBytes = (body: LoginBody | null, text: (rendered: Rendered) => string): readonly [string | null, string] => {
  if (body === null) return [null, ""];
  if (body.kind === "json") return [canonicalJson(treeValue(body.value, text)), "application/json"];
  if (body.kind === "text") return [text(body.value), "text/plain; charset=utf-8"];
  const pairs = body.pairs.map(([name, rendered]) => [name, text(rendered)]);
  return [new URLSearchParams(pairs as [string, string][]).toString(), "application/x-www-form-urlencoded"];
};

const loginRequest = ({ request }: HttpLogin, endpoint: HttpEndpoint, secrets: SecretBook): RawRequest => {
  const text = (rendered: Rendered): string => fill(rendered, (_, name) => secrets.valueOf(name));
  const [body, type] = bodyBytes(request.body, text);
  const headers: Record<string, string> = { "user-agent": "switchyard", accept: "*/*" };
  for (const [name, rendered] of Object.entries({ ...endpoint.headers, ...request.headers })) {
    if (!rendered.some((part) => "login" in part)) headers[name] = text(rendered);
  }
  if (body !== null) headers["content-type"] ??= type;
  const path = `${endpoint.prefix}${request.path}` || "/";
  return { method: request.method, path, headers: Object.entries(headers).flat(), body };
};

const cookieOf = (answer: RawAnswer, name: string): string | undefined =>
  [answer.headers["set-cookie"] ?? []]
    .flat()
    .map((cookie) => /^\s*([^=;]+)=([^;]*)/.exec(cookie))
    .findLast((match) => match?.[1]?.trim() === name)?.[2];

const taken = ({ from, at }: Take, answer: RawAnswer, body: unknown): string | undefined => {
  if (from === "cookie") return cookieOf(answer, at);
  if (from === "header") return [answer.headers[at.toLowerCase()] ?? []].flat()[0];
  const value = valueAt(body, at);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const refusedLogin = (cause: SwitchyardError): SwitchyardError =>
  new SwitchyardError(cause.code, {
    detail: `${cause.message} The login is not repeated, so that the account is not locked: set the secret again to try anew.`,
    details: cause.details,
  });

const readLogin = async (login: HttpLogin, answer: RawAnswer, { secrets, around }: Wire): Promise<LoginValues> => {
  const what = `The login ${login.request.method} ${login.request.path}`;
  const failure = statusFailure(answer.status, what);
  if (failure !== undefined) throw failure.code === "device_error" ? failure : refusedLogin(failure);
  const body = parsed(await bodyText(answer, around.meter));
  if (answer.status >= 400) throw new SwitchyardError("device_error", { detail: `${what} answered ${answer.status}.` });
  const values = login.take.map((take) => {
    const value = taken(take, answer, body);
    if (value !== undefined && value !== "") {
      secrets.learn(`login_${take.name}`, value);
      return [take.name, value] as const;
    }
    const detail = `${what} answered ${answer.status} without ${take.from} ${take.at}: check the account, and the manifest's take.`;
    throw new SwitchyardError("protocol_mismatch", { detail });
  });
  return { values: new Map(values) };
};

const logIn = async (endpoint: HttpEndpoint, login: HttpLogin, wire: Wire): Promise<LoginValues> => {
  const request = loginRequest(login, endpoint, wire.secrets);
  const limits = { timeoutMs: wire.limits.timeoutMs, signal: wire.signal };
  const answer = await wire.warm.pool(endpoint).exchange(request, limits);
  try {
    return await readLogin(login, answer, wire);
  } finally {
    answer.release();
  }
};

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && (thrown.code === "auth_failed" || thrown.code === "permission_denied_remote");

const keyOf = (endpoint: HttpEndpoint, { mode }: Wire): string => `${mode} ${endpoint.name}`;

/** The session's login values, logging in when there are none yet; `null` for an endpoint without login. */
export const loginFor = async (endpoint: HttpEndpoint, wire: Wire): Promise<LoginValues | null> => {
  const { login } = endpoint;
  if (login === null) return null;
  const { logins } = wire.warm;
  const key = keyOf(endpoint, wire);
  const known = logins.get(key);
  if (known !== undefined) return known;
  const fresh = logIn(endpoint, login, wire);
  logins.set(key, fresh);
  fresh.catch((thrown: unknown) => {
    if (!isRefusal(thrown) && logins.get(key) === fresh) logins.delete(key);
  });
  return fresh;
};

/** Forgets a session that the device no longer takes, unless another call has renewed it already. */
export const forgetLogin = async (endpoint: HttpEndpoint, used: LoginValues, wire: Wire): Promise<void> => {
  const key = keyOf(endpoint, wire);
  const current = wire.warm.logins.get(key);
  if (current !== undefined && (await current.catch(() => undefined)) === used) wire.warm.logins.delete(key);
};
