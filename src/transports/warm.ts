/** What stays warm between the calls of one instance: connection pools and login sessions. */
import type { HttpEndpoint } from "../model/endpoint.ts";
import type { HostKey, HostKeys } from "./contract.ts";
import type { LoginValues } from "./http-login.ts";
import { createHttpPool, type HttpPool } from "./http-pool.ts";
import type { SecretBook } from "./secrets.ts";
import type { Surroundings } from "./wire.ts";

/** A connection of any other kind. */
export interface WarmConnection {
  cut(): void;
}

/** Belongs to one instance, config revision and versions of its secrets. */
export interface Warm {
  readonly secrets: SecretBook;
  readonly hostKeys: HostKeys;
  pool(endpoint: HttpEndpoint): HttpPool;
  /** The connection to an endpoint, made at the first call. */
  connection<T extends WarmConnection>(endpoint: string, make: () => T): T;
  /** Login sessions by mode and endpoint; a refused login stays here and is never repeated. */
  readonly logins: Map<string, Promise<LoginValues>>;
  /** When a connection was last asked for. */
  readonly usedAt: number;
  /** Cuts every connection at once. */
  cut(): void;
}

/** Remembers for as long as the connections are warm: where no store does it. */
const fleetingKeys = (): HostKeys => {
  const trusted = new Map<string, HostKey>();
  return {
    known: async (place) => [trusted.get(place) ?? []].flat(),
    meet: async (place, key, isPinned) => {
      const first = trusted.get(place) ?? key;
      if (!isPinned) trusted.set(place, first);
      return first;
    },
  };
};

export const createWarm = (secrets: SecretBook, around: Surroundings, hostKeys = fleetingKeys()): Warm => {
  const pools = new Map<string, HttpPool>();
  const connections = new Map<string, WarmConnection>();
  let usedAt = around.now();
  return {
    secrets,
    hostKeys,
    logins: new Map(),
    get usedAt() {
      return usedAt;
    },
    pool: (endpoint) => {
      usedAt = around.now();
      const known = pools.get(endpoint.name);
      if (known !== undefined) return known;
      const pool = createHttpPool(endpoint, secrets, around);
      pools.set(endpoint.name, pool);
      return pool;
    },
    connection: <T extends WarmConnection>(endpoint: string, make: () => T): T => {
      usedAt = around.now();
      const connection = (connections.get(endpoint) as T | undefined) ?? make();
      connections.set(endpoint, connection);
      return connection;
    },
    cut: () => {
      for (const pool of pools.values()) pool.cut();
      for (const connection of connections.values()) connection.cut();
      pools.clear();
    },
  };
};
