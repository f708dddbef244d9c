/** The JSON Schema of `plugin.yaml` (draft 2020-12): what can be said about one field by itself. */

const versionPart = "(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
const semanticVersion = `^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(-${versionPart}(\\.${versionPart})*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$`;
const verbPattern = "^[a-z][a-z0-9_]*$";

/** Characters an id of an integration type may have; checked before anything is derived from it. */
export const typeIdPattern = "^[a-z][a-z0-9]*(\\.[a-z][a-z0-9]*)*$";
export const maxTypeIdLength = 200;

export const categories = [
  "host-orchestrator",
  "ups-management",
  "power-control",
  "network-device",
  "smart-home",
  "monitoring",
  "notification",
  "storage",
  "compute",
  "automation",
  "configuration-management",
  "ci-cd",
] as const;

type Schema = Readonly<Record<string, unknown>>;
const text = (maxLength: number, rest: Schema = {}): Schema => ({ type: "string", minLength: 1, maxLength, ...rest });
const matching = (pattern: string, maxLength = 200): Schema => ({ type: "string", pattern, maxLength });
const number = (minimum: number, maximum: number): Schema => ({ type: "number", minimum, maximum });
const version: Schema = { ...matching(semanticVersion), examples: ["1.2.3"] };
const integer = (minimum: number, maximum: number): Schema => ({ type: "integer", minimum, maximum });
const listOf = (items: Schema, rest: Schema = {}): Schema => ({ type: "array", items, maxItems: 500, ...rest });
const closed = (properties: Schema, required: readonly string[] = []): Schema => ({
  type: "object",
  additionalProperties: false,
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const mapOf = (names: string, values: Schema): Schema => ({
  type: "object",
  propertyNames: { pattern: names },
  additionalProperties: values,
});
/** Checked by itself as a schema; here it only has to be an object. */
const schemaObject: Schema = { type: "object" };
const names = listOf(matching(verbPattern, 100), { minItems: 1, uniqueItems: true });

const inverseParam: Schema = {
  type: "object",
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    from: { type: "string", pattern: "^(/([^~]|~[01])*)?$", maxLength: 200 },
    map: { type: "object", minProperties: 1, additionalProperties: { type: ["string", "number", "boolean"] } },
  },
};

const writePattern: Schema = {
  type: ["string", "object"],
  minLength: 1,
  maxLength: 500,
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: { type: ["string", "object"] },
};

const capability = closed(
  {
    id: matching("^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$"),
    verbs: names,
    targets: names,
    dry_run: { enum: ["required", "optional", "not_supported"] },
    invertible: mapOf(
      verbPattern,
      closed(
        {
          inverse: matching(verbPattern, 100),
          params: { type: "object", additionalProperties: inverseParam },
          join: { enum: [",", ";", " "] },
        },
        ["inverse"],
      ),
    ),
    idempotency: closed({ key_fields: listOf(text(200), { minItems: 1, uniqueItems: true }) }, ["key_fields"]),
    idempotent: { type: "boolean" },
    destructive: listOf(matching(verbPattern, 100), { uniqueItems: true }),
    writes: listOf(writePattern),
    params: schemaObject,
    lock: { enum: ["target", "instance", "none"] },
  },
  ["id", "verbs", "targets"],
);

const driver = closed(
  {
    entrypoint: matching("^[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*$"),
    language: { enum: ["node", "python"] },
    runtime: text(100),
  },
  ["entrypoint"],
);

const httpRequest = closed(
  {
    method: { enum: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] },
    path: { type: "string", pattern: "^(/[^\\s?#\\\\]*)?$", maxLength: 2000 },
    headers: { type: "object", additionalProperties: { type: "string", maxLength: 2000 } },
  },
  ["method", "path"],
);
const successWhen = text(1000);
const test: Schema = {
  ...closed(
    {
      method: { enum: ["http", "tcp", "driver"] },
      request: httpRequest,
      success_when: successWhen,
      // The older spelling: the same two inside a block of their own.
      http: closed({ request: httpRequest, success_when: successWhen }, ["request", "success_when"]),
      tcp: closed({ port: integer(1, 65_535), timeout_s: number(1, 30) }),
    },
    ["method"],
  ),
  allOf: [
    {
      if: { properties: { method: { const: "http" } }, required: ["method"], not: { required: ["http"] } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["request", "success_when"] },
    },
    {
      if: { properties: { method: { const: "tcp" } }, required: ["method"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["tcp"] },
    },
  ],
};

const seconds = number(0, 31_536_000);
const defaults: Schema = {
  type: "object",
  properties: {
    http: {
      type: "object",
      properties: {
        timeout_s: number(0.1, 600),
        retries: integer(0, 10),
        backoff_ms_start: number(0, 60_000),
        verify_tls: { type: "boolean" },
      },
    },
    transports: {
      type: "object",
      additionalProperties: {
        type: "object",
        properties: { timeout_s: number(0.1, 600), port: integer(1, 65_535) },
      },
    },
    heartbeat_interval_s: seconds,
    dry_run_refresh_sla_s: number(1, 60),
    inventory_ttl_s: { type: ["number", "object"], minimum: 0, maximum: 31_536_000, additionalProperties: seconds },
    inventory_refresh_interval_s: seconds,
  },
};

const requires = closed({
  node: text(200),
  python: text(200),
  platform: listOf(text(100), { minItems: 1 }),
  programs: listOf(closed({ name: matching("^[A-Za-z0-9][A-Za-z0-9._+-]*$", 100), version: text(200) }, ["name"])),
  deps: listOf({
    type: ["string", "object"],
    minLength: 1,
    maxLength: 300,
    required: ["name"],
    properties: { name: text(100), version: text(200) },
  }),
  wheelhouse: text(200),
  permissions: listOf(matching("^(secrets:raw|net:(http|ssh|snmp|tcp|process)(\\.[a-z0-9_]+)?:[^\\s]+)$", 300)),
});

/** The document as a whole; unknown top-level keys are refused. */
export const manifestSchema: Schema = closed(
  {
    id: matching(typeIdPattern, maxTypeIdLength),
    name: text(100),
    version,
    min_core_version: version,
    category: { enum: categories },
    description: { type: "string", maxLength: 5000 },
    driver,
    schema: closed({ connection: schemaObject }, ["connection"]),
    capabilities: listOf(capability, { minItems: 1 }),
    transports: mapOf("^(http|ssh|snmp|tcp|process)(\\.[a-z][a-z0-9_]*)?$", { type: "object" }),
    defaults,
    test,
    requires,
  },
  ["id", "name", "version", "min_core_version", "category", "schema", "capabilities", "driver"],
);
