/** What stays warm between the calls of one instance: connection pools and login sessions. */
import type { HttpEndpoint } from "../model/endpoint.ts";
import type { LoginValues } from "./http-login.ts";
import { createHttpPool, type HttpPool } from "./http-pool.ts";
import type { SecretBook } from "./secrets.ts";
import type { Surroundings } from "./wire.ts";

/** Belongs to one instance, config revision and versions of its secrets. */
export interface Warm {
  readonly secrets: SecretBook;
  pool(endpoint: HttpEndpoint): HttpPool;
  /** Login sessions by mode and endpoint; a refused login stays here and is never repeated. */
  readonly logins: Map<string, Promise<LoginValues>>;
  /** When a connection was last asked for. */
  readonly usedAt: number;
  /** Cuts every connection at once. */
  cut(): void;
}

export const createWarm = (secrets: SecretBook, around: Surroundings): Warm => {
  const pools = new Map<string, HttpPool>();
  let usedAt = around.now();
  return {
    secrets,
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
    cut: () => {
      for (const pool of pools.values()) pool.cut();
      pools.clear();
    },
  };
};
