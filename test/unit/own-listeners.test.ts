/** Where our own servers listen, read out of the settings in every form that they may have. */
import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config.ts";
import type { Redis } from "../../src/redis.ts";
import { ownListeners } from "../../src/roles/own-listeners.ts";

const places = (
  { databaseUrl = "/data/switchyard.db", ...set }: { databaseUrl?: string; redisUrl?: string; apiUrl?: string },
  stream: object = {},
): string[] => {
  const config = { host: "127.0.0.1", port: 8080, databaseUrl } as Config;
  const redis = { stream } as Redis;
  const own = ownListeners(config, { apiUrl: () => set.apiUrl ?? null, redisUrl: set.redisUrl ?? "/sock", redis });
  return own().map(({ host, port, isForeign }) => `${isForeign ? "foreign" : "own"} ${host} ${port}`);
};

const api = "own 127.0.0.1 8080";

describe("our own servers", () => {
  test.each([
    [{}, [api]],
    [{ apiUrl: "http://[::]:9000" }, ["own :: 9000"]],
    [{ apiUrl: "http://runner.example:9000" }, ["own runner.example 9000"]],
    [{ redisUrl: "redis://redis:6380/1" }, [api, "foreign redis 6380"]],
    [{ redisUrl: "rediss://:secret@redis" }, [api, "foreign redis 6379"]],
    [{ redisUrl: "redis://[::1]:6380" }, [api, "foreign ::1 6380"]],
    [{ redisUrl: "redis://127.1:6380" }, [api, "foreign 127.1 6380"]],
    [{ redisUrl: "sentinel://:s@one:1,two/main" }, [api, "foreign one 1", "foreign two 26379"]],
    [{ redisUrl: "sentinel://[::1]:1/main" }, [api, "foreign ::1 1"]],
    [{ databaseUrl: "postgres://me:secret@postgres/main" }, [api, "foreign postgres 5432"]],
    [{ databaseUrl: "postgresql://me@[::1]:5433/main" }, [api, "foreign ::1 5433"]],
    [{ databaseUrl: "postgres://me@one/main?host=two&port=7" }, [api, "foreign two 7"]],
    [{ databaseUrl: "postgres:///main?host=/run/postgresql" }, [api, "foreign localhost 5432"]],
    [{ databaseUrl: "postgres://%2Frun%2Fpostgresql/main" }, [api, "foreign localhost 5432"]],
  ])("%j", (settings, expected) => {
    expect(places(settings)).toEqual(expected);
  });

  test("a Redis that a sentinel named is found by the connection to it", () => {
    const stream = { remoteAddress: "10.0.0.7", remotePort: 6400 };
    expect(places({ redisUrl: "sentinel://one:1/main" }, stream)).toContain("foreign 10.0.0.7 6400");
  });
});
