/** Fills an ssh block with an instance's config. */
import {
  type BindFacts,
  bindHost,
  bindPort,
  firstSource,
  namedText,
  report,
  stringsOf,
  timeoutOf,
} from "./bind-place.ts";
import type { ShellRules, SshEndpoint, SshLogin } from "./endpoint.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { TransportBlock } from "./manifest.ts";
import { compileAnswerPattern, compileLinePattern } from "./pattern.ts";
import { patternRedactor } from "./pattern-redactor.ts";
import { plainText, type Rendered, render } from "./template.ts";
import { templateSource } from "./transport-block.ts";

const usualTimeoutMs = 30_000;

const templateOf = (value: Json | undefined, { fields }: BindFacts): Rendered | null => {
  const source = templateSource(value);
  return (source === undefined ? undefined : render(source, fields)) ?? null;
};

const textOf = (name: Json | undefined, facts: BindFacts): string | null => {
  const rendered = namedText(name, facts);
  return rendered === undefined ? null : (plainText(rendered) ?? null);
};

/** A SHA-256 fingerprint as OpenSSH shows it, from that form or from hexadecimal digits; `undefined` when it is neither. */
export const hostKeyOf = (text: string): string | undefined => {
  const bare = text.trim().replace(/^sha-?256[:=/ ]/i, "");
  const digits = bare.replaceAll(/[:\s-]/g, "");
  if (/^[0-9a-f]{64}$/i.test(digits))
    return `SHA256:${Buffer.from(digits, "hex").toString("base64").replace(/=+$/, "")}`;
  return /^[A-Za-z0-9+/]{43}=?$/.test(bare) ? `SHA256:${bare.slice(0, 43)}` : undefined;
};

const pinOf = (name: Json | undefined, facts: BindFacts): string | null => {
  const text = textOf(name, facts);
  if (text === null) return null;
  const pin = hostKeyOf(text);
  return (
    pin ?? report(facts, `{${String(name)}}`, "expected a SHA-256 fingerprint such as SHA256:<43 characters>") ?? null
  );
};

const loginOf = (block: TransportBlock, facts: BindFacts): SshLogin | undefined => {
  const username = templateOf(block["username"], facts);
  if (username === null) return undefined;
  return {
    username,
    password: templateOf(block["password"], facts),
    privateKey: templateOf(block["private_key"], facts),
    passphrase: templateOf(block["passphrase"], facts),
  };
};

/** A jump host whose host field is absent is none; what it does not say of its login is as for the device. */
const jumpOf = (value: Json | undefined, login: SshLogin, facts: BindFacts): SshEndpoint["jump"] => {
  if (!isJsonObject(value)) return null;
  const host = bindHost(firstSource(value["host"], facts), facts);
  const port = bindPort(firstSource(value["port"], facts) || "22", facts) ?? 22;
  if (host === undefined || host === "") return null;
  const own = loginOf(value, facts);
  const hasOwnSecret = own !== undefined && (own.password !== null || own.privateKey !== null);
  const username = own?.username ?? login.username;
  return { ...(hasOwnSecret ? own : login), username, host, port, hostKey: pinOf(value["host_key"], facts) };
};

const enableOf = (session: Readonly<Record<string, Json>>, facts: BindFacts): ShellRules["enable"] => {
  const password = templateOf(session["enable"], facts);
  if (password === null) return null;
  const command = session["enable_command"];
  return { command: typeof command === "string" ? command : "enable", password };
};

const shellOf = (session: Json | undefined, facts: BindFacts): ShellRules | null => {
  if (!isJsonObject(session)) return null;
  return {
    setup: stringsOf(session["setup"]),
    enable: enableOf(session, facts),
    config: stringsOf(session["config"]),
    prompt: typeof session["prompt"] === "string" ? session["prompt"] : null,
    pager: stringsOf(session["pager"]).map(compileAnswerPattern),
    errors: stringsOf(session["errors"]).map(compileAnswerPattern),
  };
};

/** The endpoint, or `undefined` when fields that name its place or its user are absent. */
export const bindSsh = (name: string, block: TransportBlock, facts: BindFacts): SshEndpoint | undefined => {
  const host = bindHost(firstSource(block["host"], facts), facts);
  const port = bindPort(
    firstSource(block["port"], facts) || String(facts.defaults.transports?.["ssh"]?.["port"] ?? 22),
    facts,
  );
  const login = loginOf(block, facts);
  if (host === undefined || port === undefined || login === undefined) return undefined;
  const legacy = block["legacy_algorithms"];
  return {
    kind: "ssh",
    name,
    host,
    port,
    tls: null,
    timeoutMs: timeoutOf(facts, "ssh") ?? usualTimeoutMs,
    ...login,
    hostKey: pinOf(block["host_key"], facts),
    knownHosts: textOf(block["known_hosts"], facts),
    jump: jumpOf(block["jump"], login, facts),
    shell: shellOf(block["session"], facts),
    reads: stringsOf(block["reads"]).map((source) => compileLinePattern(source)),
    redact: patternRedactor(stringsOf(block["redact"])),
    allowsLegacy: typeof legacy === "string" && facts.fields.config[legacy] === true,
  };
};
