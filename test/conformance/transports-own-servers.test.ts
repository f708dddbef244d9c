/** What every kind of transport must hold: nobody reaches the servers that we use ourselves, nor what is no device. */
import { describe, expect, test } from "vitest";
import { codeOf, openBench } from "../kit/transport-bench.ts";
import { kinds } from "../kit/transport-kinds.ts";

const names = Object.keys(kinds) as (keyof typeof kinds)[];
const here = names.filter((name) => kinds[name].isThere);

describe.each(here)("transport %s", (name) => {
  const kind = kinds[name];
  const setUp = async () => {
    const started = await kind.start();
    return {
      ...started,
      facts: kind.facts(started.device.port),
      [Symbol.asyncDispose]: () => started.device.close(),
    };
  };

  test.each([
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "fe80::1",
    "::",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
  ])("never reaches %s, by address or by name", async (address) => {
    await using lab = await setUp();
    await using direct = openBench(kind.facts(lab.device.port, address));
    expect(await codeOf(kind.read(direct.door()))).toBe("endpoint_not_allowed");
    const resolve = async () => [
      { address: "127.0.0.1", family: 4 },
      { address, family: 6 },
    ];
    await using named = openBench(kind.facts(lab.device.port, "device.example"), { deps: { resolve } });
    expect(await codeOf(kind.read(named.door()))).toBe("endpoint_not_allowed");
  });

  test.each(["127.0.0.1", "device.example", "::ffff:127.0.0.1"])(
    "never reaches a server of ours that is known by a name, at %s",
    async (host) => {
      await using lab = await setUp();
      const resolve = async (name: string) => [
        { address: name === "store.example" ? "127.0.0.9" : "127.0.0.1", family: 4 },
      ];
      const ownListeners = () => [{ host: "store.example", port: lab.device.port, isForeign: true }];
      await using bench = openBench(kind.facts(lab.device.port, host), { deps: { ownListeners, resolve } });
      expect(await codeOf(kind.read(bench.door()))).toBe("endpoint_not_allowed");
      expect(lab.device.connections).toBe(0);
    },
  );

  test("reaches nobody at the port of a server of ours whose name has no address", async () => {
    await using lab = await setUp();
    const resolve = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
    const ownListeners = () => [{ host: "store.example", port: lab.device.port, isForeign: true }];
    await using bench = openBench(lab.facts, { deps: { ownListeners, resolve } });
    expect(await codeOf(kind.read(bench.door()))).toBe("dns_failed");
    expect(lab.device.connections).toBe(0);
  });

  test("reaches a lab on another loopback address beside a listener of ours", async () => {
    await using lab = await setUp();
    const ownListeners = () => [{ host: "127.0.0.9", port: lab.device.port }];
    await using bench = openBench(lab.facts, { deps: { ownListeners } });
    expect(await kind.read(bench.door())).toBeTruthy();
  });
});
