/** Fills an snmp block with an instance's config. */
import { type BindFacts, bindHost, bindPort, firstSource, report, timeoutOf } from "./bind-place.ts";
import type { SnmpEndpoint, SnmpUser } from "./endpoint.ts";
import type { Json, JsonObject } from "./json.ts";
import type { TransportBlock } from "./manifest.ts";
import { plainText, type Rendered, render } from "./template.ts";
import { templateSource } from "./transport-block.ts";

const usualTimeoutMs = 5_000;
const usualRetries = 1;
/** So many rows of the usual size fit into one packet. */
const usualRepetitions = 30;

const authProtocols: Readonly<Record<string, string>> = {
  md5: "md5",
  sha: "sha",
  sha1: "sha",
  sha224: "sha224",
  sha256: "sha256",
  sha384: "sha384",
  sha512: "sha512",
};
/** No DES: it protects nothing, and the cryptography that Node brings has it no more. */
const privProtocols: Readonly<Record<string, string>> = {
  aes: "aes",
  aes128: "aes",
  aes256: "aes256b",
  aes256b: "aes256b",
  aes256r: "aes256r",
};

const templateOf = (value: Json | undefined, { fields }: BindFacts): Rendered | null => {
  const source = templateSource(value);
  return (source === undefined ? undefined : render(source, fields)) ?? null;
};

const textOf = (value: Json | undefined, facts: BindFacts): string | undefined => {
  const rendered = templateOf(value, facts);
  return rendered === null ? undefined : plainText(rendered);
};

interface Algorithm {
  readonly block: TransportBlock;
  readonly protocol: string;
  readonly key: string;
  readonly known: Readonly<Record<string, string>>;
  readonly usual: string;
}

const algorithmOf = ({ block, protocol, key, known, usual }: Algorithm, facts: BindFacts): SnmpUser["auth"] => {
  const secret = templateOf(block[key], facts);
  if (secret === null) return null;
  const text = textOf(block[protocol], facts) ?? usual;
  const found = known[text.toLowerCase().replaceAll(/[^a-z0-9]/g, "")];
  if (found !== undefined) return { protocol: found, key: secret };
  const names = Object.keys(known).join(", ");
  return report(facts, String(block[protocol]), `expected one of ${names}, got ${JSON.stringify(text)}`) ?? null;
};

const userOf = (block: TransportBlock, facts: BindFacts): SnmpUser | null => {
  const name = textOf(block["user"], facts);
  if (name === undefined) return null;
  const auth = { block, protocol: "auth_protocol", key: "auth_key", known: authProtocols, usual: "sha" };
  const priv = { block, protocol: "priv_protocol", key: "priv_key", known: privProtocols, usual: "aes" };
  return { name, auth: algorithmOf(auth, facts), priv: algorithmOf(priv, facts) };
};

const versionOf = (block: TransportBlock, user: SnmpUser | null, facts: BindFacts): SnmpEndpoint["version"] => {
  const text = textOf(block["version"], facts)?.toLowerCase().replace(/^v/, "");
  if (text === "1" || text === "3") return text;
  if (text === "2" || text === "2c") return "2c";
  return user === null ? "2c" : "3";
};

const numberOf = (value: Json | undefined, [min, max]: readonly [number, number], usual: number): number =>
  typeof value === "number" && Number.isInteger(value) && value >= min && value <= max ? value : usual;

/** The endpoint, or `undefined` when fields that name its place, or both its community and its user, are absent. */
export const bindSnmp = (name: string, block: TransportBlock, facts: BindFacts): SnmpEndpoint | undefined => {
  const defaults: JsonObject = facts.defaults.transports?.["snmp"] ?? {};
  const host = bindHost(firstSource(block["host"], facts), facts);
  const port = bindPort(firstSource(block["port"], facts) || String(defaults["port"] ?? 161), facts);
  const user = userOf(block, facts);
  const version = versionOf(block, user, facts);
  const community = templateOf(block["community"], facts);
  const hasLogin = version === "3" ? user !== null : community !== null;
  if (host === undefined || port === undefined || !hasLogin) return undefined;
  return {
    kind: "snmp",
    name,
    host,
    port,
    tls: null,
    timeoutMs: timeoutOf(facts, "snmp") ?? usualTimeoutMs,
    retries: numberOf(defaults["retries"], [0, 10], usualRetries),
    maxRepetitions: numberOf(defaults["max_repetitions"], [1, 200], usualRepetitions),
    version,
    community,
    user,
    context: textOf(block["context"], facts) ?? "",
  };
};
