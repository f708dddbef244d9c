/** What each field of `plugin.yaml` is for: the words that editors show beside it. */
import { blockKeys, transportKinds } from "../../model/transport-block.ts";

/** By the path of names; below `test.http` the words of `test` hold. */
const words: Readonly<Record<string, string>> = {
  id: "Names the type, for good: lower-case letters and digits, parts joined by dots, such as acme.lamp.",
  name: "What people call it.",
  version: "Of the pack, as three numbers: 1.2.0. An install asks for a higher one, or for --replace.",
  min_core_version: "The oldest Switchyard that it runs on.",
  category: "What kind of thing it is for.",
  description: "What it is, in a few sentences; `search` finds its words.",
  driver: "The code that speaks for the device.",
  "driver.entrypoint": "The driver's file without its ending, and the class in it: driver:LampDriver.",
  "driver.language": "What it is written in; without it the file's ending says so.",
  "driver.runtime": "A note for people. Nothing reads it.",
  schema: "What an instance is asked for.",
  "schema.connection":
    "A JSON Schema (2020-12) of the config; `secret: true` seals a field, and the driver never sees its value.",
  capabilities: "What the type promises: each is a method of the driver, dots as underscores.",
  "capabilities.id": "Such as lamp.power; inventory.list lists the targets.",
  "capabilities.verbs": "What can be asked of it. read, list, get and check only read; every other verb writes.",
  "capabilities.targets": "The types of what it acts on.",
  "capabilities.dry_run":
    "required: nothing is done without a plan. optional (the default): planned as well. not_supported: never planned.",
  "capabilities.invertible": "Verb to the one that takes it back, which undo runs.",
  "capabilities.invertible.inverse": "The verb that takes it back.",
  "capabilities.invertible.join":
    "What stands between ids where one target id names several; an undo then names those that changed.",
  "capabilities.invertible.params": "Where the parameters of that verb come from, by name.",
  "capabilities.invertible.params.from": "A JSON Pointer into what effects.per_target[].from held.",
  "capabilities.invertible.params.map": "By the state that was there before: the value of the parameter.",
  "capabilities.idempotency": "When two requests are the same one.",
  "capabilities.idempotency.key_fields": "The parameters that must be equal for it.",
  "capabilities.idempotent": "A write whose answer was lost may be sent once more.",
  "capabilities.destructive": "Verbs that want --yes or a plan.",
  "capabilities.writes":
    'All that it may ever write: "POST /lamps/{target}/{verb}", a line, "SET <oid>"; * is one part of a path, or words.',
  "capabilities.params": "A JSON Schema of what a person gives with --param; `secret: true` seals one.",
  "capabilities.lock": "target (the default of writes): one job at a time for each target; instance; none.",
  transports:
    "How the runner reaches the device; the driver has no network of its own. Named http, ssh, snmp or tcp, or http.<name>.",
  defaults: "Limits and habits, where they are not the usual ones.",
  "defaults.http": "Of requests over http.",
  "defaults.http.timeout_s": "Seconds until a request is given up.",
  "defaults.http.retries": "How often a read is repeated that got no answer.",
  "defaults.http.backoff_ms_start": "Milliseconds before the first repetition; each further wait is longer.",
  "defaults.http.verify_tls": "Whether certificates are verified where the config does not say.",
  "defaults.transports": "By transport: ssh, snmp, tcp.",
  "defaults.transports.timeout_s": "Seconds until a request is given up.",
  "defaults.transports.port": "The port where the config names none.",
  "defaults.heartbeat_interval_s": "Seconds between two tests of the connection; 0: none.",
  "defaults.dry_run_refresh_sla_s": "A plan older than so many seconds is made anew before it is applied.",
  "defaults.inventory_ttl_s": "How long an inventory is fresh, in seconds; or that by target type.",
  "defaults.inventory_refresh_interval_s": "Seconds between two refreshes of the inventory; 0: none.",
  test: "How an instance is tested.",
  "test.method": "http: one request. tcp: whether the port answers. driver: its test_connection.",
  "test.request": "The request of the test.",
  "test.request.method": "Of the request.",
  "test.request.path": "Begins with a slash, below the transport's url.",
  "test.request.headers": "Beside those of the transport.",
  "test.success_when": 'When the test holds: status == 200 and body.state == "ok".',
  "test.http": "An older spelling of request and success_when.",
  "test.tcp": "Where to knock.",
  "test.tcp.port": "Without it the tcp transport's.",
  "test.tcp.timeout_s": "Seconds until it is given up.",
  requires: "What must be there where it runs; an install says what is not.",
  "requires.node": "A range of versions: >=22.",
  "requires.python": "A range of versions: >=3.11.",
  "requires.platform": "Systems: linux.",
  "requires.programs": "Programs of that machine; an admin is asked for each.",
  "requires.programs.name": "As it is called in a shell.",
  "requires.programs.version": "A range of versions.",
  "requires.deps": "Modules that the machine's distribution brings, for drivers in Python.",
  "requires.deps.name": "As pip calls it.",
  "requires.deps.version": "A range of versions.",
  "requires.wheelhouse": "A folder of the pack with wheels.",
  "requires.permissions": "What an admin must grant: secrets:raw, or net:<transport>:<host>.",
};

const login = {
  username: "Who logs in.",
  password: "The password: {secret:password}.",
  host: "The device: {hostname}.",
};

/** By kind of transport: what each key of its block is for. `{field}` is a config field, `{secret:field}` a secret. */
const blockWords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  http: {
    url: 'Where it is: "{url}" whole, or "https://{host}:{port}/api".',
    tls: "Names config fields: verify, ca, fingerprint, servername; and secrets: cert, key.",
    basic: 'Basic authentication: "{username}:{secret:password}".',
    headers: 'With every request: { Authorization: "Bearer {secret:token}" }.',
    write_headers: "With every write.",
    login: "A request that gives what later ones need, such as a token or a cookie.",
    reads: 'Reads that are no GET or HEAD: "POST /search".',
    writes: "GETs that write.",
    ok: "Which answers are good where the status alone does not say it.",
    places: "Fields of a body, as JSON Pointers, in which a secret may stand.",
    redact: "JSON Pointers into bodies: replaced by stand-ins in recordings.",
  },
  ssh: {
    ...login,
    port: 'The port: ["{ssh_port}", "22"].',
    private_key: "A key, tried before the password: {secret:private_key}.",
    passphrase: "Of the key.",
    known_hosts: "Names the config field with lines as OpenSSH writes them.",
    host_key: "Names the config field with the one fingerprint to trust.",
    jump: "A host on the way: host, port, username, host_key, and a login of its own or the device's.",
    session: "For command lines: setup, enable, config, errors, prompt, pager.",
    reads:
      'Commands that only read: "show *"; * stands for words, none of which begins with - or @. Every other is a write.',
    legacy_algorithms: "Names the boolean config field that allows what old devices speak.",
    redact: "Patterns; what their first group matches is hidden.",
  },
  snmp: {
    host: "The agent: {hostname}.",
    port: 'The port: "{snmp_port}".',
    community: "Of versions 1 and 2c: {secret:snmp_community}.",
    version: "Of the protocol.",
    user: "Of version 3.",
    auth_protocol: "Of version 3: such as sha256.",
    auth_key: "A secret, of version 3.",
    priv_protocol: "Of version 3: such as aes.",
    priv_key: "A secret, of version 3.",
    context: "Of version 3.",
    redact: "Patterns; what their first group matches is hidden.",
  },
  tcp: {
    host: "The device: {host}.",
    port: "The port: {port}.",
    line: 'What ends a line: "\\r\\n".',
    tls: "Encrypts from the start; as in http.",
    starttls: 'Encrypts behind a line and its answer: ["STARTTLS", "OK*"].',
    login: 'Pairs of what is said and what is waited for: ["AUTH {secret:password}", "+OK*"]; "" says nothing.',
    reads:
      'Lines that only read: "stats *"; * stands for words, none of which begins with - or @. Every other is a write.',
    ok: 'Answers to a write that are good: ["OK*"]; without it any is.',
    telnet: "Answers the negotiation of telnet.",
    redact: "Patterns; what their first group matches is hidden.",
  },
  process: {
    programs: "Programs, each with what it may be given.",
    redact: "Patterns; what their first group matches is hidden.",
  },
};

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

const wordsAt = (path: string): Node => {
  const said = words[path] ?? words[path.replace(/^test\.http\./, "test.")];
  return said === undefined ? {} : { description: said };
};

/** The schema with words at each property; entries of lists and of maps have the path of what holds them. */
const described = (schema: Node, path: string): Node => {
  const { properties, items, additionalProperties } = schema;
  const below = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const named = isNode(properties)
    ? Object.entries(properties).map(([name, value]) => {
        const own = below(name);
        return [name, isNode(value) ? { ...described(value, own), ...wordsAt(own) } : value];
      })
    : [];
  return {
    ...schema,
    ...(isNode(properties) ? { properties: Object.fromEntries(named) } : {}),
    ...(isNode(items) ? { items: described(items, path) } : {}),
    ...(isNode(additionalProperties) ? { additionalProperties: described(additionalProperties, path) } : {}),
  };
};

/** The keys of each kind of transport, for completion: what they may hold, `validate` says better. */
const blocks = (): Node =>
  Object.fromEntries(
    transportKinds.map((kind) => {
      const keys = blockKeys[kind].map((key) => [key, { description: blockWords[kind]?.[key] ?? "" }]);
      return [`^${kind}(\\.|$)`, { type: "object", properties: Object.fromEntries(keys) }];
    }),
  );

/** The schema of the manifest as editors take it. */
export const withWords = (schema: Node): Node => {
  const { properties, ...rest } = described(schema, "");
  const known = properties as Readonly<Record<string, Node>>;
  return { ...rest, properties: { ...known, transports: { ...known["transports"], patternProperties: blocks() } } };
};
