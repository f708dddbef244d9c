/** Binding: manifest + config -> the endpoints an instance may reach, and what may be written there. */
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import { bindHttp } from "./bind-http.ts";
import type { BindFacts } from "./bind-place.ts";
import { bindSnmp } from "./bind-snmp.ts";
import { bindSsh } from "./bind-ssh.ts";
import { bindTcp } from "./bind-tcp.ts";
import { canonicalHost, type Endpoint } from "./endpoint.ts";
import type { JsonObject } from "./json.ts";
import type { Manifest, TransportBlock } from "./manifest.ts";
import { type WriteEntry, writeEntries } from "./pattern.ts";
import type { Fields } from "./template.ts";
import { impliedBlocks, kindOf, withSchemaDefaults } from "./transport-block.ts";

export { checkTransports } from "./binding-check.ts";
export { requiredPermissions } from "./permissions.ts";

/** What one instance may reach. Holds no secret's value. */
export interface Binding {
  /** By the name in the manifest: `http`, `http.legacy`, `ssh`. Entries whose fields are absent are left out. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** Whether the manifest has a `transports` block; beside one, a capability without `writes[]` writes nothing. */
  readonly isDeclared: boolean;
  /** By capability id; a capability without an entry is not pinned. */
  readonly writes: Readonly<Record<string, readonly WriteEntry[]>>;
  /** Where the manifest's tcp test may look, besides the endpoints. */
  readonly probe: { readonly host: string; readonly port: number } | null;
}

export interface BindRequest {
  readonly manifest: Manifest;
  readonly config: JsonObject;
  /** Names of the secrets that are set. */
  readonly secretNames: readonly string[];
}

type Binder = (name: string, block: TransportBlock, facts: BindFacts) => Endpoint | undefined;
const binders: Readonly<Record<string, Binder>> = { http: bindHttp, ssh: bindSsh, snmp: bindSnmp, tcp: bindTcp };

const bindOne: Binder = (name, block, facts) => binders[kindOf(name) ?? ""]?.(name, block, facts);

const probeOf = (manifest: Manifest, fields: Fields, endpoints: readonly Endpoint[]): Binding["probe"] => {
  if (manifest.test?.method !== "tcp") return null;
  const named = fields.config["host"] ?? fields.config["hostname"];
  const endpoint = endpoints.find(({ kind }) => kind === "tcp");
  const host = endpoint?.host ?? canonicalHost(String(named ?? ""));
  const port = manifest.test.tcp.port ?? endpoint?.port;
  return host === undefined || port === undefined ? null : { host, port };
};

/** The write rules of each capability that declares them. */
export const writeRulesOf = (manifest: Manifest): Binding["writes"] => {
  const [only, ...others] = Object.keys(manifest.transports ?? { http: {} });
  return Object.fromEntries(
    manifest.capabilities.flatMap(({ id, writes }) =>
      writes === undefined ? [] : [[id, writeEntries(writes, others.length === 0 ? only : undefined)]],
    ),
  );
};

/**
 * Fills the `transports` block (or the defaults without one) with an instance's config.
 * @throws SwitchyardError `config_invalid` with a pointer (`/config/host`) for each field that names no endpoint.
 */
export const bind = ({ manifest, config, secretNames }: BindRequest): Binding => {
  const fields: Fields = { config: withSchemaDefaults(manifest, config), secretNames };
  const problems: FieldProblem[] = [];
  const { defaults = {} } = manifest;
  const facts: BindFacts = { fields, problems, defaults, verifyByDefault: defaults.http?.verify_tls ?? true };
  const blocks = manifest.transports ?? impliedBlocks(fields);
  const endpoints = Object.entries(blocks).flatMap(([name, block]) => bindOne(name, block, facts) ?? []);
  if (problems.length > 0) {
    // Several transports may be bound to one field.
    const errors = [...new Map(problems.map((problem) => [`${problem.pointer} ${problem.message}`, problem])).values()];
    const detail = `The config does not name an endpoint: ${errors.map(({ message }) => message).join("; ")}.`;
    throw new SwitchyardError("config_invalid", { detail, errors });
  }
  return {
    endpoints: Object.fromEntries(endpoints.map((endpoint) => [endpoint.name, endpoint])),
    isDeclared: manifest.transports !== undefined,
    writes: writeRulesOf(manifest),
    probe: probeOf(manifest, fields, endpoints),
  };
};
