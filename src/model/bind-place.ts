/** Fills in where an endpoint lies: host, port, base URL and TLS rules, from templates and config. */
import type { FieldProblem } from "../errors.ts";
import { type BaseUrl, canonicalHost, parseBaseUrl, type TlsRules } from "./endpoint.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { Defaults } from "./manifest.ts";
import { type Fields, parseTemplate, plainText, type Rendered, render } from "./template.ts";
import { isWholeField, itemsOf, splitUrlTemplate, templateSource, type UrlTemplate } from "./transport-block.ts";

export interface BindFacts {
  readonly fields: Fields;
  /** Problems found so far; each points into the instance (`/config/host`). */
  readonly problems: FieldProblem[];
  readonly verifyByDefault: boolean;
  readonly defaults: Defaults;
}

/** The manifest's own `timeout_s` for a transport. */
export const timeoutOf = ({ defaults }: BindFacts, kind: string): number | undefined => {
  const seconds = defaults.transports?.[kind]?.["timeout_s"];
  return typeof seconds === "number" ? seconds * 1_000 : undefined;
};

/** A template, or the first of its alternatives whose fields are all there. */
export const firstSource = (value: Json | undefined, { fields }: BindFacts): string => {
  const source = templateSource(value) ?? "";
  if (typeof source === "string") return source;
  return source.find((alternative) => render(alternative, fields) !== undefined) ?? source[0] ?? "";
};

const fieldOf = (source: string): string => {
  const part = parseTemplate(source).find((candidate) => "field" in candidate);
  return part !== undefined && "field" in part ? `/config/${part.field}` : "/config";
};

export const report = (facts: BindFacts, source: string, message: string): undefined => {
  facts.problems.push({ pointer: fieldOf(source), message });
  return undefined;
};

/** The text of a template without secrets; `undefined` when a field is absent. */
const textOf = (source: string, { fields }: BindFacts, encode?: (text: string) => string): string | undefined => {
  const rendered = render(source, fields, encode);
  return rendered === undefined ? undefined : plainText(rendered);
};

export const bindHost = (source: string, facts: BindFacts): string | undefined => {
  const text = textOf(source, facts);
  if (text === undefined) return undefined;
  const host = canonicalHost(text.trim());
  return host ?? report(facts, source, `expected one hostname or address, got ${JSON.stringify(text)}`);
};

export const bindPort = (source: string, facts: BindFacts): number | undefined => {
  const text = textOf(source, facts);
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  return report(facts, source, `expected a port from 1 to 65535, got ${JSON.stringify(text)}`);
};

const bindParts = (template: UrlTemplate, facts: BindFacts): BaseUrl | undefined => {
  const host = bindHost(template.host, facts);
  const usual = template.scheme === "https" ? "443" : "80";
  const port = bindPort(template.port || usual, facts);
  const path = textOf(template.path, facts, encodeURIComponent);
  if (host === undefined || port === undefined || path === undefined) return undefined;
  const base = parseBaseUrl(`${template.scheme}://placeholder${path}`);
  if (typeof base === "string") return report(facts, template.path, base);
  return { scheme: template.scheme, host, port, prefix: base.prefix };
};

const bindOneUrl = (source: string, facts: BindFacts): BaseUrl | undefined => {
  if (!isWholeField(source)) {
    const template = splitUrlTemplate(source);
    return template === undefined ? undefined : bindParts(template, facts);
  }
  const text = textOf(source, facts);
  if (text === undefined) return undefined;
  const base = parseBaseUrl(text.trim());
  return typeof base === "string" ? report(facts, source, base) : base;
};

/** The base URL of the first alternative whose fields are all there. */
export const bindUrl = (value: Json | undefined, facts: BindFacts): BaseUrl | undefined => {
  const source = templateSource(value);
  for (const alternative of typeof source === "string" ? [source] : (source ?? [])) {
    const before = facts.problems.length;
    const base = bindOneUrl(alternative, facts);
    if (base !== undefined || facts.problems.length > before) return base;
  }
  return undefined;
};

/** Templates by lower-case name; those whose fields are absent are left out. */
export const bindTemplates = (value: Json | undefined, { fields }: BindFacts): Readonly<Record<string, Rendered>> =>
  Object.fromEntries(
    Object.entries(isJsonObject(value) ? value : {}).flatMap(([name, raw]) => {
      const source = templateSource(raw);
      const rendered = source === undefined ? undefined : render(source, fields);
      return rendered === undefined ? [] : [[name.toLowerCase(), rendered] as const];
    }),
  );

/** What a `tls` key names: a config field's text, or a secret. */
export const namedText = (name: Json | undefined, { fields }: BindFacts): Rendered | undefined => {
  if (typeof name !== "string") return undefined;
  if (fields.secretNames.includes(name)) return [{ secret: name }];
  const value = fields.config[name];
  return typeof value === "string" && value.trim() !== "" ? [{ text: value }] : undefined;
};

const fingerprintOf = (name: Json | undefined, facts: BindFacts): string | undefined => {
  const rendered = namedText(name, facts);
  const text = rendered === undefined ? undefined : plainText(rendered);
  if (text === undefined) return undefined;
  const digits = text
    .replace(/^sha-?256[:=/ ]/i, "")
    .replaceAll(/[:\s-]/g, "")
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  return report(facts, `{${String(name)}}`, "expected a SHA-256 fingerprint of 64 hexadecimal digits");
};

/** The TLS rules of a block; `value` is its `tls` member, whose members name config fields or secrets. */
export const bindTls = (value: Json | undefined, facts: BindFacts): TlsRules => {
  const names = isJsonObject(value) ? value : {};
  const chosen = typeof names["verify"] === "string" ? facts.fields.config[names["verify"]] : undefined;
  const ca = namedText(names["ca"], facts);
  const cert = namedText(names["cert"], facts);
  const key = namedText(names["key"], facts);
  const servername = namedText(names["servername"], facts);
  const servernameText = servername === undefined ? undefined : plainText(servername);
  const fingerprint = fingerprintOf(names["fingerprint"], facts);
  return {
    verify: typeof chosen === "boolean" ? chosen : facts.verifyByDefault,
    ...(ca === undefined ? {} : { ca }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servernameText === undefined ? {} : { servername: servernameText }),
  };
};

/** The strings of a list. */
export const stringsOf = (value: Json | undefined): readonly string[] =>
  itemsOf(value).filter((item): item is string => typeof item === "string");
