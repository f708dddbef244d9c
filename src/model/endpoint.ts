/** Endpoints: where an instance's requests go and what the manifest says about them. */
import { isIPv6 } from "node:net";
import type { Json } from "./json.ts";
import { pathProblem } from "./path.ts";
import type { AnswerPattern, HttpPattern, LinePattern } from "./pattern.ts";
import type { Rendered } from "./template.ts";

/** How a TLS server is trusted. `fingerprint`: SHA-256 of its certificate, 64 lower-case hexadecimal digits. */
export interface TlsRules {
  readonly verify: boolean;
  readonly ca?: Rendered;
  readonly fingerprint?: string;
  readonly cert?: Rendered;
  readonly key?: Rendered;
  readonly servername?: string;
}

/** What a login request is made of; strings inside `json` and `form` are templates. */
interface LoginRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, Rendered>>;
  readonly body: LoginBody | null;
}
export type LoginBody =
  | { readonly kind: "json"; readonly value: TemplateTree }
  | { readonly kind: "form"; readonly pairs: readonly (readonly [string, Rendered])[] }
  | { readonly kind: "text"; readonly value: Rendered };
/** JSON whose strings are rendered templates. */
export type TemplateTree =
  | { readonly leaf: Json }
  | { readonly template: Rendered }
  | { readonly items: readonly TemplateTree[] }
  | { readonly members: Readonly<Record<string, TemplateTree>> };

/** Where a login value is found in the answer. */
export interface Take {
  readonly name: string;
  readonly from: "cookie" | "json" | "header";
  readonly at: string;
}
export interface HttpLogin {
  readonly request: LoginRequest;
  readonly take: readonly Take[];
  readonly againOn: readonly number[];
}

/** A place of an answer's JSON body that tells success from failure: `absent`, `present`, or the value expected. */
interface OkCheck {
  readonly pointer: string;
  readonly expected: Json;
}

interface Place {
  /** Name in the manifest: `http`, `http.legacy`, `ssh`. */
  readonly name: string;
  /** One hostname or address, in canonical spelling, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: TlsRules | null;
  /** Longest wait for one answer, where the manifest's `defaults.transports` names one. */
  readonly timeoutMs?: number;
}

export interface HttpEndpoint extends Place {
  readonly kind: "http";
  readonly scheme: "http" | "https";
  /** Path before every request's path: empty, or begins with `/` and ends without. */
  readonly prefix: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, Rendered>>;
  /** `user:password` of basic authentication. */
  readonly basic: Rendered | null;
  readonly writeHeaders: Readonly<Record<string, Rendered>>;
  readonly login: HttpLogin | null;
  readonly reads: readonly HttpPattern[];
  readonly writes: readonly HttpPattern[];
  readonly ok: readonly OkCheck[];
  /** JSON Pointers of body fields that may hold a secret. */
  readonly places: readonly string[];
}

export interface TcpEndpoint extends Place {
  readonly kind: "tcp";
  /** What ends a line. */
  readonly line: string;
  readonly startTls: { readonly send: string; readonly expect: AnswerPattern } | null;
  readonly login: readonly { readonly send: Rendered; readonly expect: AnswerPattern }[];
  readonly reads: readonly LinePattern[];
  /** Answers that mean success of a step; none: any answer does. */
  readonly ok: readonly AnswerPattern[];
  readonly telnet: boolean;
}

/** Who logs in, and with what: a key is tried before a password. */
export interface SshLogin {
  readonly username: Rendered;
  readonly password: Rendered | null;
  readonly privateKey: Rendered | null;
  readonly passphrase: Rendered | null;
}

/** How an interactive shell of a device is used. */
export interface ShellRules {
  /** Lines sent after each login: paging off, for instance. */
  readonly setup: readonly string[];
  readonly enable: { readonly command: string; readonly password: Rendered } | null;
  /** The lines that begin and end a configuration session. */
  readonly config: readonly string[];
  /** A regular expression of the prompt's whole line; null: it is learnt at login. */
  readonly prompt: string | null;
  /** Lines with which the device waits before it goes on, beside the usual ones. */
  readonly pager: readonly AnswerPattern[];
  /** Lines that say that a command was not taken. */
  readonly errors: readonly AnswerPattern[];
}

export interface SshEndpoint extends Place, SshLogin {
  readonly kind: "ssh";
  readonly tls: null;
  readonly timeoutMs: number;
  /** The only key to trust, as `SHA256:<base64>`. */
  readonly hostKey: string | null;
  /** Keys to trust, as OpenSSH writes them; null: the instance's own memory decides. */
  readonly knownHosts: string | null;
  readonly jump: (SshLogin & { readonly host: string; readonly port: number; readonly hostKey: string | null }) | null;
  readonly shell: ShellRules | null;
  readonly reads: readonly LinePattern[];
  /** Hides in output that goes into a job's events what the manifest's `redact` finds. */
  readonly redact: (text: string) => string;
  /** Offers algorithms that are broken, because the device knows no others. */
  readonly allowsLegacy: boolean;
}

export interface SnmpEndpoint extends Place {
  readonly kind: "snmp";
  readonly tls: null;
  /** For one request, before it is repeated. */
  readonly timeoutMs: number;
  readonly retries: number;
  /** Rows asked for at once in a walk. */
  readonly maxRepetitions: number;
  readonly version: "1" | "2c" | "3";
  readonly community: Rendered | null;
  readonly user: SnmpUser | null;
  readonly context: string;
}
export interface SnmpUser {
  readonly name: string;
  readonly auth: { readonly protocol: string; readonly key: Rendered } | null;
  readonly priv: { readonly protocol: string; readonly key: Rendered } | null;
}

export type Endpoint = HttpEndpoint | TcpEndpoint | SshEndpoint | SnmpEndpoint;

/** `scheme://host:port` as a URL writes it; the port only where it is not the scheme's own. */
export const originOf = ({ scheme, host, port }: Pick<HttpEndpoint, "scheme" | "host" | "port">): string => {
  const name = isIPv6(host) ? `[${host}]` : host;
  const isUsual = port === (scheme === "https" ? 443 : 80);
  return `${scheme}://${name}${isUsual ? "" : `:${port}`}`;
};

/** A hostname or address in its canonical spelling (`127.1` is `127.0.0.1`), or `undefined` when it is neither. */
export const canonicalHost = (text: string): string | undefined => {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (isIPv6(bare)) return URL.parse(`http://[${bare}]/`)?.hostname.slice(1, -1);
  if (bare === "" || bare.length > 253 || /[\s/\\?#@:%[\]<>^|]/.test(bare)) return undefined;
  return URL.parse(`http://${bare}/`)?.hostname;
};

export interface BaseUrl {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly prefix: string;
}

const portOf = (text: string, scheme: string): number | undefined => {
  if (text === "") return scheme === "https" ? 443 : 80;
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65_536 ? port : undefined;
};

/** Reads a base URL by hand, because a URL parser would quietly repair what must be refused. */
export const parseBaseUrl = (text: string): BaseUrl | string => {
  const match = /^(https?):\/\/(\[[^\]]*\]|[^/:?#@\\]*)(?::([^/?#@\\]*))?([^?#]*)([?#].*)?$/is.exec(text);
  if (match === null) return `expected a URL such as https://host:port/path without user, got ${JSON.stringify(text)}`;
  const [, schemeText = "", hostText = "", portText = "", path = "", rest] = match;
  if (rest !== undefined) return "expected a base URL without query and fragment";
  const scheme = schemeText.toLowerCase() === "https" ? "https" : "http";
  const host = canonicalHost(hostText);
  if (host === undefined) return `expected one hostname or address, got ${JSON.stringify(hostText)}`;
  const port = portOf(portText, scheme);
  if (port === undefined) return `expected a port from 1 to 65535, got ${JSON.stringify(portText)}`;
  const prefix = path.replace(/\/$/, "");
  const problem = pathProblem(prefix);
  return problem ?? { scheme, host, port, prefix };
};

/** A path and the query behind it (without `?`), as a driver's `url` names them below the endpoint's base. */
export interface Below {
  readonly path: string;
  readonly query: string | null;
}

/** The part of an absolute URL below the base; `undefined` when it has another scheme, host, port or prefix. */
export const belowBase = (url: string, endpoint: HttpEndpoint): Below | undefined => {
  const [address = "", ...queries] = url.split("?");
  const base = parseBaseUrl(address.endsWith("/") ? `${address}/` : address);
  if (typeof base === "string" || originOf(base) !== originOf(endpoint)) return undefined;
  const { prefix } = endpoint;
  const path = base.prefix;
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
  return { path: path.slice(prefix.length), query: queries.length === 0 ? null : queries.join("?") };
};
