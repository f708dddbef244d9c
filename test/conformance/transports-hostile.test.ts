/** What a hostile driver tries over http, and what the device sees of it: nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import type { Grant } from "../../src/transports/transports.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { type Bench, codeOf, openBench } from "../kit/transport-bench.ts";

let device: HttpDevice;
let elsewhere: HttpDevice;
let bench: Bench;
const config = (): JsonObject => ({ host: "127.0.0.1", port: device.port });

beforeAll(async () => {
  elsewhere = await startHttp((_, response) => sendJson(response, { stolen: true }));
  device = await startHttp((request, response) => {
    const target = new URL(request.url, "http://x").searchParams.get("to");
    if (target === null) sendJson(response, { ok: true });
    else response.writeHead(302, { location: target }).end();
  });
  bench = openBench({
    transports: {
      http: {
        url: "http://{host}:{port}/api",
        headers: { Authorization: "Bearer {secret:token}" },
        reads: [
          { method: "POST", path: "/rpc", body: { "/method": "host.get" } },
          { method: "POST", path: "/search" },
        ],
        writes: ["GET /reboot", "GET /control?*"],
        places: ["/password"],
      },
    },
    config: config(),
    secrets: { token: "the-secret-token", other: "another-secret" },
    capability: { writes: ["POST /vm/{target}/{verb}", "POST /tags/*", "PUT /notes/*?*"] },
  });
});
afterAll(async () => {
  await bench.transports.close();
  await device.close();
  await elsewhere.close();
});

/** The code with which a request is refused; fails when anything reached the device. */
const refused = async (request: JsonObject, grant: Partial<Grant> = {}): Promise<string | undefined> => {
  const before = device.seen.length;
  const door = bench.door(grant);
  const code = await codeOf(door.ask("http.request", request));
  expect(device.seen.slice(before)).toEqual([]);
  expect(door.refusal?.code).toBe(code);
  return code;
};
const free = { mode: "free" } as const;
const handle = (): string => bench.session.handles["token"] ?? "";

describe("climbing out of the base path", () => {
  test.each([
    "/../admin",
    "/./x",
    "/vm/..",
    "/%2e%2e/admin",
    "/%2E%2e/admin",
    "/.%2e/admin",
    "/%252e%252e/admin",
    "/x/%252e%252e%252fadmin",
    "/..%2fadmin",
    "/..%5cadmin",
    "/..;/admin",
    "/..;x=1/admin",
    "/%2e%2e%3b/admin",
    "//127.0.0.1/x",
    "/\\..\\admin",
    "/x\\y",
    "x",
    "http://127.0.0.1/api/x",
    "/x?y=1",
    "/x#y",
    "/x%00",
    "/x\ny",
    "/x y",
    "/%0d%0aHost:x",
    "/%c0%ae%c0%ae/admin",
    "/%zz",
    "/\u002e\u002e\u002fadmin",
    "/\uff0e\uff0e/admin",
  ])("refuses the path %j", async (path) => {
    expect(await refused({ path })).toBe("endpoint_not_allowed");
  });

  test("refuses every url that is not below the base", async () => {
    const { port } = device;
    const urls = [
      `http://127.0.0.1:${elsewhere.port}/api/x`,
      `https://127.0.0.1:${port}/api/x`,
      `http://127.0.0.1:${port}/other`,
      `http://127.0.0.1:${port}/apix`,
      `http://127.0.0.1:${port}/api/../other`,
      `http://127.0.0.1:${port}/api/%2e%2e/other`,
      `http://user@127.0.0.1:${port}/api/x`,
      `http://127.0.0.1:${port}@${elsewhere.port}/api/x`,
      `http://127.0.0.1:${port}#/api/x`,
      `//127.0.0.1:${port}/api/x`,
      "file:///etc/passwd",
      "",
    ];
    for (const url of urls) expect([url, await refused({ url })]).toEqual([url, "endpoint_not_allowed"]);
  });
});

describe("headers that are not a driver's to set", () => {
  test.each([
    ...["Host", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Expect"],
    ...["Proxy-Authorization", "Forwarded", "X-Forwarded-For", "X_Forwarded_Host", "X-Original-URL", "x-rewrite-url"],
    ...[
      "X-Original-URI",
      "X-Original-Host",
      "X-Rewrite-URI",
      "X-Override-URL",
      "X-Forwarded",
      "X-Host",
      "X-Real-IP",
      "Via",
    ],
    ...["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "authorization", "AUTHORIZATION", "Bad Name"],
  ])("refuses %s", async (name) => {
    expect(await refused({ path: "/x", headers: { [name]: "value" } })).toBe("endpoint_not_allowed");
  });

  test.each(["a\r\nHost: b", "a\nb", "a\0b", "\u2028"])("refuses the value %j", async (value) => {
    expect(await refused({ path: "/x", headers: { "x-note": value } })).toBe("endpoint_not_allowed");
    expect(await refused({ method: "POST", path: "/search", text: "x", content_type: value })).toBe(
      "endpoint_not_allowed",
    );
  });
});

describe("writes dressed up as reads", () => {
  const cases: readonly JsonObject[] = [
    { method: "POST", path: "/vm/100/stop" },
    { method: "post", path: "/vm/100/stop" },
    { path: "/x", json: {} },
    { path: "/x", text: "" },
    { method: "HEAD", path: "/x", form: { a: 1 } },
    { path: "/x", query: { _method: "DELETE" } },
    {
      path: "/x",
      query: [
        ["a", "1"],
        ["_Method", "DELETE"],
      ],
    },
    { path: "/reboot" },
    { path: "/control", query: { power: "off" } },
    { method: "POST", path: "/rpc", json: { method: "host.delete" } },
    { method: "POST", path: "/rpc", json: [{ method: "host.get" }, { method: "host.delete" }] },
    { method: "POST", path: "/rpc", json: [{ method: "host.get" }] },
    { method: "POST", path: "/rpc", text: '{"method":"host.get"}', content_type: "application/json" },
    { method: "POST", path: "/rpc", json: { method: "host.get" }, query: { x: 1 } },
    { method: "POST", path: "/rpc", form: { method: "host.get" } },
    { method: "POST", path: "/search", json: { _method: "DELETE" } },
    { method: "POST", path: "/search", form: { _method: "DELETE" } },
    { method: "POST", path: "/search/", json: {} },
    { method: "OPTIONS", path: "/x" },
    { method: "PROPFIND", path: "/x" },
  ];
  test.each(cases)("refuses %j while only reading", async (request) => {
    expect(await refused(request)).toBe("read_only_violation");
  });

  test.each(["CONNECT", "TRACE", "GET /x HTTP/1.1\r\nHost: y\r\n\r\nPOST", "G ET", ""])(
    "refuses the method %j",
    async (method) => {
      expect(await refused({ method, path: "/x" })).toBe("endpoint_not_allowed");
    },
  );
});

describe("writes beyond writes[]", () => {
  test.each([
    { method: "POST", path: "/vm/101/stop" },
    { method: "POST", path: "/vm/100/start" },
    { method: "POST", path: "/vm/100/stop/now" },
    { method: "POST", path: "/vm/100/stop", query: { force: "1" } },
    { method: "POST", path: "/vm/100/stop", query: { _method: "DELETE" } },
    { method: "POST", path: "/vm/100/stop", form: { _method: "DELETE" } },
    { method: "DELETE", path: "/vm/100" },
    { method: "POST", path: "/tags/" },
    { method: "POST", path: "/tags/a/b" },
    { method: "POST", path: "/tags/a%2fb" },
    { method: "POST", path: "/tags/a%252fb" },
    { method: "POST", path: "/tags/a%5Cb" },
    { path: "/reboot" },
  ] as JsonObject[])("refuses %j", async (request) => {
    expect(await refused(request, free)).toBe("plan_deviation");
  });

  test("a target cannot widen its own pattern", async () => {
    const grant = { ...free, target: { type: "vm", id: "*" } };
    expect(await refused({ method: "POST", path: "/vm/100/stop" }, grant)).toBe("plan_deviation");
  });
});

describe("secrets where they may not stand", () => {
  test("refuses a handle in path, query, names, values and bodies that no place names", async () => {
    const cases: readonly JsonObject[] = [
      { path: `/x/${handle()}` },
      { path: "/x", query: { q: handle() } },
      { path: "/x", query: { [handle()]: "q" } },
      { path: "/x", headers: { [`x-${handle()}`]: "v" } },
      { path: "/x", headers: { "x-note": `${handle()} tail` } },
      { path: "/x", headers: { "x-note": `${handle()}${handle()}` } },
      { path: "/x", headers: { "x-note": "swh_00000000000000000000000000000000" } },
      { path: "/x", headers: { "x-note": "Bearer {secret:token}" } },
      { method: "POST", path: "/search", json: { filter: handle() } },
      { method: "POST", path: "/search", json: { [handle()]: 1 } },
      { method: "POST", path: "/search", json: { password: `x${handle()}` } },
      { method: "POST", path: "/search", json: { password: "{secret:token}" } },
      { method: "POST", path: "/search", json: { deep: { password: handle() } } },
      { method: "POST", path: "/search", form: { filter: handle() } },
      { method: "POST", path: "/search", text: handle() },
      { method: "POST", path: "/search", multipart: [{ name: "file", text: handle() }] },
    ];
    for (const request of cases) expect([request, await refused(request)]).toEqual([request, "handle_misplaced"]);
  });

  test("a stored step never holds a secret's value, in whatever form", () => {
    const value = "the-secret-token";
    const forms = [value, Buffer.from(`user:${value}`).toString("base64"), Buffer.from(value).toString("hex")];
    for (const form of forms) {
      const step = { transport: "http", method: "POST", path: "/vm/100/stop", json: { note: `x${form}y` } };
      expect(() => bench.normalise([step])).toThrow(expect.objectContaining({ code: "handle_misplaced" }));
    }
  });
});

describe("redirects", () => {
  test.each([
    () => `http://127.0.0.1:${elsewhere.port}/api/x`,
    () => `//127.0.0.1:${elsewhere.port}/api/x`,
    () => "https://127.0.0.1/api/x",
    () => "/other",
    () => "../../other",
    () => "/api/%2e%2e/other",
    () => "/api/reboot",
    () => "/api/x?_method=DELETE",
    () => "javascript:alert(1)",
  ])("follows none that leads elsewhere or acts (%#)", async (target) => {
    const door = bench.door();
    const before = device.seen.length;
    expect(await codeOf(door.ask("http.request", { path: "/x", query: { to: target() } }))).toBe(
      "endpoint_not_allowed",
    );
    expect(device.seen.length - before).toBe(1);
    expect(elsewhere.seen).toEqual([]);
  });

  test("follows none of a write", async () => {
    const door = bench.door({ ...free });
    const answer = await door.ask("http.request", {
      method: "PUT",
      path: "/notes/1",
      query: { to: "/api/y" },
      text: "x",
    });
    expect(answer).toMatchObject({ status: 302 });
    expect(device.seen.at(-1)?.url).toContain("/notes/1");
  });
});

test("a refused call fails the job even when the driver swallows the error", async () => {
  const door = bench.door({ mode: "free" });
  await door.ask("http.request", { path: "/../x" }).catch(() => undefined);
  expect(await codeOf(door.ask("http.request", { path: "/x" }))).toBe("endpoint_not_allowed");
  expect(door.refusal?.code).toBe("endpoint_not_allowed");
});

test("members that no request has are named, not left out", async () => {
  const door = bench.door();
  await expect(door.ask("http.request", { path: "/x", jsn: {} })).rejects.toThrow(/"jsn"/);
  await expect(door.ask("http.request", { path: "/x", json: {}, text: "" })).rejects.toThrow(/one body/);
  expect(door.refusal).toBeNull();
});
