/** The manifest of an integration (`plugin.yaml`) as a type. It keeps the document's snake_case. */
import type { JsonObject } from "./json.ts";

type DryRunPolicy = "required" | "optional" | "not_supported";

/** Where an inverse verb's parameter comes from. */
export type InverseParam = { readonly from: string } | { readonly map: Readonly<Record<string, string>> };

export interface Inverse {
  readonly inverse: string;
  readonly params?: Readonly<Record<string, InverseParam>>;
  /** What stands between ids where one target id names several, as in `1,2`: then an undo may name those that changed alone. */
  readonly join?: string;
}

/** A pattern of a write: a string (the type's only transport) or keyed by transport name. */
export type WritePattern = string | { readonly [transport: string]: string | ReadPattern };

/** A read that is no GET: method, path and what the JSON body must hold. */
export interface ReadPattern {
  readonly method: string;
  readonly path: string;
  readonly body?: JsonObject;
}

export interface Capability {
  readonly id: string;
  readonly verbs: readonly string[];
  readonly targets: readonly string[];
  readonly dry_run?: DryRunPolicy;
  readonly invertible?: Readonly<Record<string, Inverse>>;
  readonly idempotency?: { readonly key_fields: readonly string[] };
  readonly idempotent?: boolean;
  readonly destructive?: readonly string[];
  readonly writes?: readonly WritePattern[];
  readonly params?: JsonObject;
  readonly lock?: "target" | "instance" | "none";
}

export interface HttpTest {
  readonly method: "http";
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly success_when: string;
}
export interface TcpTest {
  readonly method: "tcp";
  /** Without a port it looks where the tcp transport leads. */
  readonly tcp: { readonly port?: number; readonly timeout_s?: number };
}
export type ConnectionTest = HttpTest | TcpTest | { readonly method: "driver" };

export interface Defaults {
  readonly http?: {
    readonly timeout_s?: number;
    readonly retries?: number;
    readonly backoff_ms_start?: number;
    readonly verify_tls?: boolean;
  };
  readonly transports?: Readonly<Record<string, JsonObject>>;
  readonly heartbeat_interval_s?: number;
  readonly dry_run_refresh_sla_s?: number;
  readonly inventory_ttl_s?: number | Readonly<Record<string, number>>;
  readonly inventory_refresh_interval_s?: number;
  readonly [other: string]: unknown;
}

export interface Requires {
  readonly node?: string;
  readonly python?: string;
  readonly platform?: readonly string[];
  readonly programs?: readonly { readonly name: string; readonly version?: string }[];
  readonly deps?: readonly (string | JsonObject)[];
  readonly wheelhouse?: string;
  readonly permissions?: readonly string[];
}

/** One entry of the `transports` block, keyed by its name (`http`, `http.legacy`, `ssh` ...). Shapes: model/binding.ts. */
export type TransportBlock = JsonObject;

export interface Manifest {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly min_core_version: string;
  readonly category: string;
  readonly description?: string;
  readonly driver: { readonly entrypoint: string; readonly language?: "node" | "python"; readonly runtime?: string };
  readonly schema: { readonly connection: JsonObject };
  readonly capabilities: readonly Capability[];
  readonly transports?: Readonly<Record<string, TransportBlock>>;
  readonly defaults?: Defaults;
  readonly test?: ConnectionTest;
  readonly requires?: Requires;
}

const readVerbs: ReadonlySet<string> = new Set(["read", "list", "get", "check"]);
/** Verbs that never write: they run in `read` mode and are never planned. */
export const isReadVerb = (verb: string): boolean => readVerbs.has(verb);

/** How a call of this verb runs: read only, planned first, or free within `writes[]`. */
export const verbMode = (capability: Capability, verb: string): "read" | "planned" | "free" => {
  if (isReadVerb(verb)) return "read";
  return (capability.dry_run ?? "optional") === "not_supported" ? "free" : "planned";
};

export const findCapability = (manifest: Manifest, id: string): Capability | undefined =>
  manifest.capabilities.find((capability) => capability.id === id);

/** The driver's method for a capability: dots become underscores. */
export const methodOf = (capabilityId: string): string => capabilityId.replaceAll(".", "_");

/** Names of the connection schema's properties that are marked `secret: true`. */
export const secretNames = (manifest: Manifest): readonly string[] => {
  const properties = manifest.schema.connection["properties"];
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return [];
  return Object.entries(properties)
    .filter(([, schema]) => typeof schema === "object" && schema !== null && (schema as JsonObject)["secret"] === true)
    .map(([name]) => name);
};

/** Target types that `inventory.list` declares, in its order; empty when the type has no inventory. */
export const inventoryTargets = (manifest: Manifest): readonly string[] =>
  findCapability(manifest, "inventory.list")?.targets ?? [];

/** Seconds for which an inventory payload of this target type is fresh (default 180). */
export const inventoryTtlSeconds = (manifest: Manifest, targetType: string): number => {
  const declared = manifest.defaults?.inventory_ttl_s;
  if (typeof declared === "number") return declared;
  return declared?.[targetType] ?? 180;
};
