/** A system with its Redis and its PostgreSQL on TCP, known to it by name: no instance reaches either, however it is spelled. */
import { lookup } from "node:dns/promises";
import { hostname, networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { httpPack } from "../kit/pack.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { createBelongings } from "../kit/process.ts";
import { startTestRedis } from "../kit/redis.ts";
import { type System, startSystem } from "../kit/system.ts";

/** A name that leads to 127.0.0.1: this machine's own where it does, else a spelling that no parser takes for an address. */
const nameOfLoopback = async (): Promise<string> => {
  const found = await lookup(hostname()).catch(() => undefined);
  return found?.address === "127.0.0.1" ? hostname() : "127.1";
};
const name = await nameOfLoopback();

const outward = Object.values(networkInterfaces())
  .flatMap((found = []) => found)
  .filter(({ internal, address }) => !internal && !address.startsWith("fe80"))
  .map(({ address }) => address);

const driver = `
  async test_connection() { return { status: "connected", latency_ms: (await this.transports.http.request({ path: "/x" })).status }; }
  async inventory_list() { return []; }`;

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")(
  "our own servers",
  () => {
    const own = createBelongings();
    let system: System;
    let caller: Caller;
    const ports: Record<string, number> = {};
    beforeAll(async () => {
      const free = async (): Promise<number> => {
        const one = createBelongings();
        const port = await one.server();
        await one.giveBack();
        return port;
      };
      Object.assign(ports, { Redis: await free(), PostgreSQL: await free(), nobody: await free() });
      own.add(await startTestRedis({ port: ports["Redis"] ?? 0 }), (redis) => redis.stop());
      const postgres = own.add(await startTestPostgres({ port: ports["PostgreSQL"] ?? 0 }), (one) => one.stop());
      const url = new URL(await postgres.createDatabase());
      system = await startSystem({
        env: {
          REDIS_URL: `redis://${name}:${ports["Redis"]}`,
          DATABASE_URL: `postgres://postgres@${name}:${ports["PostgreSQL"]}${url.pathname}`,
        },
      });
      caller = callerOf(system);
      await caller.install(
        httpPack("acme.prober", { driver, capabilities: `  - { id: inventory.list, verbs: [list], targets: [vm] }` }),
      );
    }, 90_000);
    afterAll(async () => {
      await system?.dispose();
      await own.giveBack();
    });

    const spellings = [name, "localhost", "127.0.0.1", "127.0.0.2", "127.1", "2130706433", "::1", "::ffff:127.0.0.1"];
    const hosts = [...new Set([...spellings, ...outward])];
    const codeAt = async (server: string, host: string): Promise<string> => {
      const config = { host, port: ports[server] };
      const id = await caller.addInstance("acme.prober", `${server} at ${host}`, config, { token: "prober-token" });
      const path = `/api/integrations/instances/${id}/test`;
      return caller.codeOf(await system.call("POST", path, undefined, { prefer: "wait=30" }));
    };

    it.each(["Redis", "PostgreSQL"])("%s is met at no address of this machine", async (server) => {
      const codes = await Promise.all(hosts.map(async (host) => [host, await codeAt(server, host)]));
      expect(codes).toEqual(hosts.map((host) => [host, "endpoint_not_allowed"]));
    });

    it("hides nothing else: a port where nobody listens is a port where nobody listens", async () => {
      expect(await codeAt("nobody", name)).toBe("connection_refused");
    });
  },
);
