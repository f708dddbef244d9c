/** GETs that act: what the manifest's `writes[]` names is no read, in whatever spelling a device would take for it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

let device: HttpDevice;
beforeAll(async () => {
  device = await startHttp(({ url }, response) => {
    if (url.startsWith("/api/away")) response.writeHead(302, { location: "/api/reboot?x=1" }).end();
    else sendJson(response, {});
  });
});
afterAll(() => device.close());

const writes = ["GET /reboot", "GET /vm/*/start", "GET /a%2Fb", "HEAD /halt", "GET /cgi?*"];
const facts = (block: JsonObject = {}): BenchFacts => ({
  transports: { http: { url: "http://{host}:{port}/api", writes, ...block } },
  config: { host: "127.0.0.1", port: device.port },
  capability: { writes: ["GET /reboot"] },
});

describe("a GET that the manifest lists as a write", () => {
  const spellings: readonly (readonly [what: string, request: JsonObject])[] = [
    ["as it is listed", { path: "/reboot" }],
    ["with a query", { path: "/reboot", query: { x: 1 } }],
    ["as HEAD", { method: "HEAD", path: "/reboot" }],
    ["listed as HEAD", { path: "/halt" }],
    ["with a slash at its end", { path: "/reboot/" }],
    ["with doubled slashes", { path: "/vm//7///start//" }],
    ["in capitals", { path: "/REBOOT" }],
    ["with a path parameter", { path: "/reboot;x=1" }],
    ["with path parameters on its way", { path: "/vm;a/7;b=%2F/start;c" }],
    ["with percent-encoded letters", { path: "/%72eboo%74" }],
    ["encoded twice", { path: "/%2572eboot" }],
    ["with an encoded slash", { path: "/%2Freboot%2f" }],
    ["with a backslash for a slash", { path: "/vm%5C7%5cstart" }],
    ["with an encoded query", { path: "/reboot%3Fx=1" }],
    ["with an encoded parameter", { path: "/reboot%3bx" }],
    ["with a space behind it", { path: "/reboot%20" }],
    ["with anything in the place of a wildcard", { path: "/vm/a%2Fb/start" }],
    ["listed with an encoded slash", { path: "/A%2fB/" }],
    ["listed with a query, without one", { path: "/cgi/" }],
  ];
  test.each(spellings)("is refused to a read, spelled %s", async (_, request) => {
    await using bench = openBench(facts());
    const count = device.seen.length;
    expect(await codeOf(bench.door().ask("http.request", request))).toBe("read_only_violation");
    expect(device.seen.length).toBe(count);
  });

  test("is not reached by a redirect of another spelling", async () => {
    await using bench = openBench(facts());
    expect(await codeOf(bench.door().ask("http.request", { path: "/away" }))).toBe("endpoint_not_allowed");
    expect(device.seen.at(-1)?.url).toBe("/api/away");
  });

  test("is still written by its own spelling alone", async () => {
    await using bench = openBench(facts());
    const free = () => bench.door({ mode: "free" });
    expect(await free().ask("http.request", { path: "/reboot" })).toMatchObject({ status: 200 });
    await using other = openBench(facts());
    for (const request of [{ path: "/reboot/" }, { path: "/REBOOT" }, { path: "/reboot", query: { x: 1 } }]) {
      expect(await codeOf(other.door({ mode: "free" }).ask("http.request", request))).toBe("plan_deviation");
    }
  });

  test.each(["/rebooted", "/reboot/status", "/x/reboot", "/vm/7/started", "/vm/7/8/start", "/vm/start", ""])(
    "leaves other paths to be read: %s",
    async (path) => {
      await using bench = openBench(facts());
      expect(await bench.door().ask("http.request", { path })).toMatchObject({ status: 200 });
    },
  );

  test("with a body keeps what reads[] names from being a read, also where the body cannot be looked into", async () => {
    const body = { "/method": "vm.start" };
    const block = { reads: ["POST /rpc"], writes: [{ method: "POST", path: "/rpc", body }] };
    await using bench = openBench(facts(block));
    const ask = (more: JsonObject) => bench.door().ask("http.request", { method: "POST", path: "/rpc", ...more });
    expect(await ask({ json: { method: "vm.list" } })).toMatchObject({ status: 200 });
    for (const more of [
      { json: { method: "vm.start" } },
      { json: [{ method: "vm.start" }] },
      { text: '{"method":"vm.start"}' },
    ]) {
      expect(await codeOf(ask(more))).toBe("read_only_violation");
    }
  });
});
