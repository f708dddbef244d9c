/** Checks one entry of the `transports` block: its templates, patterns and where it leads. */
import type { FieldProblem } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { linearRegExp } from "./linear-pattern.ts";
import { httpPatternProblem, linePatternProblem } from "./pattern.ts";
import { escapeToken, parsePointer } from "./pointer.ts";
import { parseTemplate } from "./template.ts";
import {
  isWholeField,
  itemsOf,
  membersOf,
  splitUrlTemplate,
  type TransportKindName,
  templateSource,
  tlsKeys,
} from "./transport-block.ts";

/** Keys of an ssh block that name a config field, as those of `tls` do. */
const namingKeys = ["host_key", "known_hosts", "legacy_algorithms"] as const;
const jumpKeys = ["host", "port", "username", "password", "private_key", "passphrase", "host_key"];
const sessionKeys = ["setup", "enable", "enable_command", "config", "prompt", "pager", "errors"];

export interface BlockFacts {
  readonly name: string;
  readonly kind: TransportKindName;
  readonly block: JsonObject;
  readonly pointer: string;
  /** Config fields and secrets that the connection schema declares; `null`: it is itself wrong, any name may stand. */
  readonly names: { readonly fields: readonly string[]; readonly secrets: readonly string[] } | null;
  /** `null`: not known, any host may stand. */
  readonly permissions: readonly string[] | null;
}

type Found = readonly (readonly [key: string, message: string])[];

const alternatives = (value: Json | undefined): readonly string[] => {
  const source = templateSource(value);
  return typeof source === "string" ? [source] : (source ?? []);
};

/** Every string below a key, with its path: templates may stand anywhere in a login request. */
const textsOf = (value: Json | undefined, path: string): readonly (readonly [string, string])[] => {
  if (typeof value === "string") return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsOf(item as Json, `${path}/${index}`));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => textsOf(member, `${path}/${escapeToken(name)}`));
};

const templateKeys: Readonly<Record<TransportKindName, readonly string[]>> = {
  http: ["url", "basic", "headers", "write_headers", "login"],
  ssh: ["host", "port", "username", "password", "private_key", "passphrase", "session", "jump"],
  snmp: [
    "host",
    "port",
    "version",
    "community",
    "user",
    "auth_protocol",
    "auth_key",
    "priv_protocol",
    "priv_key",
    "context",
  ],
  tcp: ["host", "port", "login"],
  process: [],
};

type TemplatePart = ReturnType<typeof parseTemplate>[number];

const fieldProblem = (field: string, { names }: BlockFacts): string | undefined => {
  if (names === null || names.fields.includes(field)) return undefined;
  return names.secrets.includes(field)
    ? `expected {secret:${field}}, because the field is a secret`
    : `expected a field of schema.connection, got {${field}}`;
};

const nameProblem = (part: TemplatePart, facts: BlockFacts): string | undefined => {
  const { names } = facts;
  if ("field" in part) return fieldProblem(part.field, facts);
  if ("secret" in part) {
    return names === null || names.secrets.includes(part.secret)
      ? undefined
      : `expected a secret of schema.connection, got {secret:${part.secret}}`;
  }
  if (!("login" in part)) return undefined;
  const { login } = facts.block;
  const taken = membersOf(isJsonObject(login) ? login["take"] : undefined).map(([name]) => name);
  return taken.includes(part.login) ? undefined : `expected a value that login.take names, got {login:${part.login}}`;
};

const templateProblems = (facts: BlockFacts): Found =>
  templateKeys[facts.kind].flatMap((key) =>
    textsOf(facts.block[key], `/${key}`).flatMap(([path, text]) =>
      parseTemplate(text).flatMap((part) => {
        const message = nameProblem(part, facts);
        return message === undefined ? [] : [[path, message] as const];
      }),
    ),
  );

const literalHost = (host: string, { name, kind, permissions }: BlockFacts): string | undefined => {
  if (host === "" || isWholeField(host)) return undefined;
  const wanted = `net:${kind}:${host}`;
  const isGranted = permissions === null || permissions.includes(wanted) || permissions.includes(`net:${name}:${host}`);
  return isGranted ? undefined : `expected "${wanted}" in requires.permissions, because the host is written out`;
};

const urlProblem = (source: string, facts: BlockFacts): string | undefined => {
  if (isWholeField(source)) return undefined;
  const template = splitUrlTemplate(source);
  if (template === undefined)
    return `expected "{field}" or "https://{host}:{port}/path", got ${JSON.stringify(source)}`;
  return literalHost(template.host, facts);
};

const hostProblem = (source: string, facts: BlockFacts): string | undefined =>
  isWholeField(source) || /^[A-Za-z0-9.:-]+$/.test(source)
    ? literalHost(source, facts)
    : `expected exactly one {field}, got ${JSON.stringify(source)}`;

const portProblem = (source: string): string | undefined =>
  isWholeField(source) || /^\d{1,5}$/.test(source)
    ? undefined
    : `expected one {field} or a number, got ${JSON.stringify(source)}`;

const each = (values: readonly string[], path: string, judge: (value: string) => string | undefined): Found =>
  values.flatMap((value) => {
    const message = judge(value);
    return message === undefined ? [] : [[path, message] as const];
  });

const placeProblems = (facts: BlockFacts): Found => {
  const { block, kind } = facts;
  if (kind === "process") return [];
  const key = kind === "http" ? "url" : "host";
  const required = kind === "tcp" ? [key, "port"] : [key];
  const missing = required.filter((name) => alternatives(block[name]).length === 0);
  return [
    ...missing.map((name) => [`/${name}`, "expected a template, got none"] as const),
    ...each(alternatives(block["url"]), "/url", (source) => urlProblem(source, facts)),
    ...each(alternatives(block["host"]), "/host", (source) => hostProblem(source, facts)),
    ...each(alternatives(block["port"]), "/port", portProblem),
  ];
};

const fieldNameProblem = (name: Json | undefined, { names }: BlockFacts): string | undefined => {
  if (name === undefined) return undefined;
  const isKnown = typeof name === "string" && (names === null || [...names.fields, ...names.secrets].includes(name));
  return isKnown ? undefined : `expected the name of a field of schema.connection, got ${JSON.stringify(name)}`;
};

const unknownKeys = (value: Json | undefined, path: string, known: readonly string[]): Found =>
  membersOf(value).flatMap(([key]) =>
    known.includes(key)
      ? []
      : [[`${path}/${escapeToken(key)}`, `expected one of ${known.join(", ")}, got "${key}"`] as const],
  );

const jumpProblems = (jump: Json | undefined, facts: BlockFacts): Found => {
  if (jump === undefined) return [];
  if (!isJsonObject(jump)) return [["/jump", "expected an object"]];
  const naming = fieldNameProblem(jump["host_key"], facts);
  return [
    ...unknownKeys(jump, "/jump", jumpKeys),
    ...(alternatives(jump["host"]).length === 0 ? [["/jump/host", "expected a template, got none"] as const] : []),
    ...each(alternatives(jump["host"]), "/jump/host", (source) => hostProblem(source, facts)),
    ...each(alternatives(jump["port"]), "/jump/port", portProblem),
    ...(naming === undefined ? [] : [["/jump/host_key", naming] as const]),
  ];
};

const sessionProblems = (session: Json | undefined): Found => {
  if (session === undefined) return [];
  if (!isJsonObject(session)) return [["/session", "expected an object"]];
  const lists = ["setup", "config", "pager", "errors"].filter((key) => session[key] !== undefined);
  const isTexts = (value: Json | undefined): boolean =>
    Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
  const bad = lists.filter((key) => !isTexts(session[key]));
  const { prompt } = session;
  const isPattern = prompt === undefined || (typeof prompt === "string" && isLinear(prompt));
  return [
    ...unknownKeys(session, "/session", sessionKeys),
    ...bad.map((key) => [`/session/${key}`, "expected a list of lines"] as const),
    ...(isPattern ? [] : [["/session/prompt", "expected a regular expression of at most 200 characters"] as const]),
  ];
};

const isLinear = (source: string): boolean => {
  try {
    linearRegExp(source);
    return true;
  } catch {
    return false;
  }
};

/** JSON Pointers begin with a slash, all else is a pattern. */
const redactProblems = ({ block }: BlockFacts): Found =>
  itemsOf(block["redact"]).flatMap((entry, index): Found => {
    const isGood = typeof entry === "string" && entry !== "" && (entry.startsWith("/") || isLinear(entry));
    const expected = "expected a JSON Pointer, or a pattern of at most 200 characters without look-around";
    return isGood ? [] : [[`/redact/${index}`, `${expected}, got ${JSON.stringify(entry)}`]];
  });

const sshProblems = (facts: BlockFacts): Found => [
  ...namingKeys.flatMap((key): Found => {
    const message = fieldNameProblem(facts.block[key], facts);
    return message === undefined ? [] : [[`/${key}`, message]];
  }),
  ...(alternatives(facts.block["username"]).length === 0
    ? [["/username", "expected a template, got none"] as const]
    : []),
  ...jumpProblems(facts.block["jump"], facts),
  ...sessionProblems(facts.block["session"]),
];

const patternProblems = ({ block, kind }: BlockFacts): Found =>
  ["reads", "writes"].flatMap((key) =>
    itemsOf(block[key]).flatMap((pattern, index) => {
      const message = kind === "http" ? httpPatternProblem(pattern) : linePatternProblem(pattern);
      return message === undefined ? [] : [[`/${key}/${index}`, message] as const];
    }),
  );

const tlsProblems = ({ block, names }: BlockFacts): Found =>
  membersOf(block["tls"]).flatMap(([key, name]): Found => {
    const path = `/tls/${escapeToken(key)}`;
    if (!tlsKeys.some((known) => known === key))
      return [[path, `expected one of ${tlsKeys.join(", ")}, got "${key}"`] as const];
    const isKnown = typeof name === "string" && (names === null || [...names.fields, ...names.secrets].includes(name));
    return isKnown
      ? []
      : [[path, `expected the name of a field of schema.connection, got ${JSON.stringify(name)}`] as const];
  });

const pointerProblems = ({ block }: BlockFacts): Found => [
  ...each(itemsOf(block["places"]).map(String), "/places", (pointer) =>
    pointer.startsWith("/") && parsePointer(pointer) !== undefined
      ? undefined
      : `expected JSON Pointers, got ${JSON.stringify(pointer)}`,
  ),
];

const loginProblems = ({ block, kind }: BlockFacts): Found => {
  const { login } = block;
  if (kind !== "http" || login === undefined) return [];
  if (!isJsonObject(login) || !isJsonObject(login["request"])) return [["/login", "expected request and take"]];
  const path = login["request"]["path"];
  const bad = membersOf(login["take"]).filter(([, source]) => !/^(?:cookie|json|header):./.test(String(source)));
  return [
    ...(typeof path === "string" && /^(?:\/[^?#\s]*)?$/.test(path)
      ? []
      : [["/login/request/path", "expected a path"] as const]),
    ...bad.map(
      ([name]) => [`/login/take/${escapeToken(name)}`, "expected cookie:NAME, json:/pointer or header:NAME"] as const,
    ),
  ];
};

/** All that is wrong with one entry, with pointers into the manifest. */
export const blockProblems = (facts: BlockFacts): FieldProblem[] => {
  const patterns = facts.kind === "http" || facts.kind === "tcp" || facts.kind === "ssh" ? patternProblems(facts) : [];
  const http = facts.kind === "http" ? [...pointerProblems(facts), ...loginProblems(facts)] : [];
  const tls = facts.kind === "http" || facts.kind === "tcp" ? tlsProblems(facts) : [];
  const ssh = facts.kind === "ssh" ? sshProblems(facts) : [];
  return [
    ...placeProblems(facts),
    ...templateProblems(facts),
    ...patterns,
    ...tls,
    ...http,
    ...ssh,
    ...redactProblems(facts),
  ].map(([path, message]) => ({
    pointer: `${facts.pointer}${path}`,
    message,
  }));
};
