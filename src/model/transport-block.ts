/** The `transports` block of a manifest, before any instance: its names, kinds and defaults. */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Manifest, TransportBlock } from "./manifest.ts";
import type { Fields, TemplateSource } from "./template.ts";

export const transportKinds = ["http", "ssh", "snmp", "tcp", "process"] as const;
export type TransportKindName = (typeof transportKinds)[number];

/** The kind of a transport's name (`http.legacy` is http), or `undefined` when the name is none. */
export const kindOf = (name: string): TransportKindName | undefined => {
  const match = /^([a-z]+)(?:\.[a-z][a-z0-9_]*)?$/.exec(name);
  return transportKinds.find((kind) => kind === match?.[1]);
};

/** The keys a block of each kind may have. */
export const blockKeys: Readonly<Record<TransportKindName, readonly string[]>> = {
  http: ["url", "tls", "basic", "headers", "write_headers", "login", "reads", "writes", "ok", "places", "redact"],
  ssh: [
    ...["host", "port", "username", "password", "private_key", "passphrase", "known_hosts", "host_key"],
    ...["jump", "session", "reads", "legacy_algorithms", "redact"],
  ],
  snmp: [
    ...["host", "port", "community", "version", "user", "auth_protocol", "auth_key", "priv_protocol", "priv_key"],
    ...["context", "redact"],
  ],
  tcp: ["host", "port", "line", "tls", "starttls", "login", "reads", "ok", "telnet", "redact"],
  process: ["programs", "redact"],
};

/** The keys of an http or tcp block's `tls`; each names a config field or a secret. */
export const tlsKeys = ["verify", "ca", "fingerprint", "cert", "key", "servername"] as const;

/** The connection schema's properties. */
export const connectionProperties = (manifest: Manifest): JsonObject => {
  const properties = manifest.schema.connection["properties"];
  return isJsonObject(properties) ? properties : {};
};

/** The config with the schema's defaults where it says nothing. */
export const withSchemaDefaults = (manifest: Manifest, config: JsonObject): JsonObject => {
  const defaults = Object.entries(connectionProperties(manifest)).flatMap(([name, schema]) =>
    isJsonObject(schema) && schema["default"] !== undefined ? [[name, schema["default"]] as const] : [],
  );
  return { ...Object.fromEntries(defaults), ...config };
};

/** The blocks that stand for a manifest without any: http, ssh and snmp by the usual names of their fields. */
export const impliedBlocks = ({ config }: Fields): Readonly<Record<string, TransportBlock>> => {
  const tls = { verify: config["verify_tls"] === undefined ? "verify_ssl" : "verify_tls" };
  const url = ["{url}", "https://{host}:{port}", "https://{hostname}:{port}", "https://{host}", "https://{hostname}"];
  return { http: { url, tls }, ...impliedDevices };
};

const hostNames = ["{host}", "{hostname}"];
/** What needs a field that is not there is left out. */
const impliedDevices: Readonly<Record<string, TransportBlock>> = {
  ssh: {
    host: hostNames,
    port: ["{ssh_port}", "22"],
    username: "{username}",
    password: "{secret:password}",
    reads: ["show *", "display *"],
  },
  snmp: { host: ["{snmp_host}", ...hostNames], port: ["{snmp_port}", "161"], community: "{secret:snmp_community}" },
};

/** A template or its alternatives, when the value is one. */
export const templateSource = (value: Json | undefined): TemplateSource | undefined => {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? (value as string[]) : undefined;
};

/** Members of a value that should be an object. */
export const membersOf = (value: Json | undefined): readonly (readonly [string, Json])[] =>
  isJsonObject(value) ? Object.entries(value) : [];
export const itemsOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** The parts of a URL template: its host and port stand apart, so that a field can never move them. */
export interface UrlTemplate {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

const field = "\\{[A-Za-z_][A-Za-z0-9_]*\\}";
const urlTemplate = new RegExp(`^(https?)://(${field}|[A-Za-z0-9.-]+)(?::(${field}|\\d{1,5}))?(/[^?#]*)?$`);
const wholeField = new RegExp(`^${field}$`);
export const isWholeField = (source: string): boolean => wholeField.test(source);

/** Splits a URL template; `undefined` when host or port position holds more than one field or number. */
export const splitUrlTemplate = (source: string): UrlTemplate | undefined => {
  const match = urlTemplate.exec(source);
  if (match === null) return undefined;
  const [, scheme, host = "", port = "", path = ""] = match;
  return { scheme: scheme === "https" ? "https" : "http", host, port, path };
};
