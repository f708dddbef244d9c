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
  /** Whether it is to close as soon as nothing runs on it. */
  setLeaving?(isLeaving: boolean): void;
}

/** Belongs to one instance, config revision and versions of its secrets. */
export interface Warm {
  readonly secrets: SecretBook;
  readonly hostKeys: HostKeys;
  pool(endpoint: HttpEndpoint): HttpPool;
  /** The connection to an endpoint, made at the first call, with the secrets of whom it belongs to. */
  connection<T extends WarmConnection>(endpoint: string, make: (owner: Warm) => T): T;
  /** Whether there is a newer one for the instance. */
  setLeaving(isLeaving: boolean): void;
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

export interface WarmOptions {
  readonly hostKeys?: HostKeys;
  /** Whose connections are used in place of own ones; http has its own all the same. */
  readonly shared?: Warm;
}

export const createWarm = (
  secrets: SecretBook,
  around: Surroundings,
  { hostKeys = fleetingKeys(), shared }: WarmOptions = {},
): Warm => {
  const pools = new Map<string, HttpPool>();
  const connections = new Map<string, WarmConnection>();
  let usedAt = around.now();
  let isLeaving = false;
  const warm: Warm = {
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
    connection: <T extends WarmConnection>(endpoint: string, make: (owner: Warm) => T): T => {
      usedAt = around.now();
      if (shared !== undefined) return shared.connection(endpoint, make);
      const known = connections.get(endpoint) as T | undefined;
      if (known !== undefined) return known;
      const connection = make(warm);
      connection.setLeaving?.(isLeaving);
      connections.set(endpoint, connection);
      return connection;
    },
    setLeaving: (leaving) => {
      isLeaving = leaving;
      for (const connection of connections.values()) connection.setLeaving?.(leaving);
    },
    cut: () => {
      for (const pool of pools.values()) pool.cut();
      for (const connection of connections.values()) connection.cut();
      pools.clear();
    },
  };
  return warm;
};

/** Which of an instance's connections are its newest: those of an older revision are let go once nothing runs on them. */
export const createNewest = (warmOf: (key: string) => Warm | undefined) => {
  const keys = new Map<string, string>();
  return {
    /** `warmKey` is the key under which the connections are kept that the instance is asked with now. */
    prefer: ({ instanceId, warmKey }: { readonly instanceId: string; readonly warmKey: string }): void => {
      const before = keys.get(instanceId);
      if (before === warmKey) return;
      keys.set(instanceId, warmKey);
      if (before !== undefined) warmOf(before)?.setLeaving(true);
      warmOf(warmKey)?.setLeaving(false);
    },
    forgetGone: (): void => {
      for (const [instanceId, key] of keys) if (warmOf(key) === undefined) keys.delete(instanceId);
    },
  };
};
