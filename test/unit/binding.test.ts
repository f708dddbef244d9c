/** Manifest + config -> endpoints; what is wrong with a transports block; what consent must name. */
import { describe, expect, test } from "vitest";
import { bind, checkTransports, requiredPermissions } from "../../src/model/binding.ts";
import type { HttpEndpoint } from "../../src/model/endpoint.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { manifestOf } from "../kit/transport-bench.ts";

const fields = {
  host: "",
  hostname: "",
  port: 1,
  url: "",
  verify_ssl: true,
  verify_tls: true,
  user: "",
  pin: "",
  node: "",
};
const manifest = (transports: Record<string, JsonObject> | undefined, more: Partial<Manifest> = {}): Manifest => ({
  ...manifestOf({
    config: fields,
    secrets: { token: "" },
    capability: { writes: [] },
    ...(transports === undefined ? {} : { transports }),
  }),
  ...more,
});
const endpoint = (block: JsonObject | undefined, config: JsonObject): HttpEndpoint | undefined =>
  bind({ manifest: manifest(block === undefined ? undefined : { http: block }), config, secretNames: ["token"] })
    .endpoints["http"] as HttpEndpoint;

describe("binding", () => {
  test.each([
    [{ url: "https://{host}:{port}/api" }, { host: "h", port: 90 }, ["https", "h", 90, "/api"]],
    [{ url: "http://{host}/a/{node}" }, { host: "h", node: "x/y ?" }, ["http", "h", 80, "/a/x%2Fy%20%3F"]],
    [{ url: ["{url}", "https://{host}"] }, { host: "h" }, ["https", "h", 443, ""]],
    [{ url: ["{url}", "https://{host}"] }, { host: "h", url: "http://u:5/x/" }, ["http", "u", 5, "/x"]],
    [{ url: "https://{host}:{port}" }, { host: "::1", port: "8006" }, ["https", "::1", 8006, ""]],
    [undefined, { url: "http://u:5/x" }, ["http", "u", 5, "/x"]],
    [undefined, { host: "h", port: 8006 }, ["https", "h", 8006, ""]],
    [undefined, { hostname: "h" }, ["https", "h", 443, ""]],
  ] as const)("%j with %j", (block, config, [scheme, host, port, prefix]) => {
    expect(endpoint(block as JsonObject | undefined, config)).toMatchObject({ scheme, host, port, prefix });
  });

  test.each([
    [{ url: "https://{host}:{port}" }, { host: "https://h", port: 1 }, "/config/host"],
    [{ url: "https://{host}:{port}" }, { host: "h/../x", port: 1 }, "/config/host"],
    [{ url: "https://{host}:{port}" }, { host: "h@evil", port: 1 }, "/config/host"],
    [{ url: "https://{host}:{port}" }, { host: "h:99", port: 1 }, "/config/host"],
    [{ url: "https://{host}:{port}" }, { host: "h", port: 70000 }, "/config/port"],
    [{ url: "https://{host}:{port}" }, { host: "h", port: "1/x" }, "/config/port"],
    [{ url: "{url}" }, { url: "https://u@h" }, "/config/url"],
    [{ url: "{url}" }, { url: "https://h/?x=1" }, "/config/url"],
    [{ url: "http://{host}/{node}" }, { host: "h", node: ".." }, "/config/node"],
    [{ url: "https://{host}", tls: { fingerprint: "pin" } }, { host: "h", pin: "abc" }, "/config/pin"],
  ] as const)("%j refuses %j at %s", (block, config, pointer) => {
    expect(() => endpoint(block as JsonObject, config)).toThrow(
      expect.objectContaining({ code: "config_invalid", errors: [expect.objectContaining({ pointer })] }),
    );
  });

  test("leaves out what lacks its fields", () => {
    expect(endpoint({ url: "https://{host}" }, {})).toBeUndefined();
    expect(
      endpoint(
        { url: "https://{host}", headers: { a: "{user}", b: "{secret:other}", c: "{secret:token}" } },
        { host: "h" },
      )?.headers,
    ).toEqual({
      c: [{ secret: "token" }],
    });
  });

  test("takes the connection schema's defaults where the config says nothing", () => {
    const base = manifest({ http: { url: "https://{host}:{port}" } });
    const properties = { host: {}, port: { default: 8006 } };
    const withDefault = { ...base, schema: { connection: { type: "object", properties } } };
    expect(bind({ manifest: withDefault, config: { host: "h" }, secretNames: [] }).endpoints["http"]).toMatchObject({
      port: 8006,
    });
  });

  test.each([
    [{}, undefined, true],
    [{ verify_ssl: false }, undefined, false],
    [{}, false, false],
    [{ verify_ssl: true }, false, true],
  ] as const)("with %j and verify_tls %s by default, certificates are checked: %s", (config, byDefault, verify) => {
    const block = { url: "https://{host}", tls: { verify: "verify_ssl" } };
    const defaults = byDefault === undefined ? {} : { defaults: { http: { verify_tls: byDefault } } };
    const bound = bind({
      manifest: manifest({ http: block }, defaults),
      config: { host: "h", ...config },
      secretNames: [],
    });
    expect(bound.endpoints["http"]).toMatchObject({ tls: { verify } });
  });

  test("says what each capability may write", () => {
    const capabilities = [
      { id: "a", verbs: ["set"], targets: ["x"], writes: ["POST /a", { http: "PUT /b" }] },
      { id: "b", verbs: ["set"], targets: ["x"] },
    ];
    const bound = bind({
      manifest: manifest({ http: { url: "https://{host}" } }, { capabilities }),
      config: { host: "h" },
      secretNames: [],
    });
    expect(bound.writes).toEqual({
      a: [
        { transport: "http", pattern: "POST /a" },
        { transport: "http", pattern: "PUT /b" },
      ],
    });
  });
});

describe("a transports block is refused for", () => {
  test.each([
    [{ htp: {} }, "/transports/htp"],
    [{ http: { url: "{url}", hedaers: {} } }, "/transports/http/hedaers"],
    [{ http: {} }, "/transports/http/url"],
    [{ http: { url: "https://{host}{port}" } }, "/transports/http/url"],
    [{ http: { url: "https://x.{host}" } }, "/transports/http/url"],
    [{ http: { url: "https://{host}/x?y" } }, "/transports/http/url"],
    [{ http: { url: "https://api.example/x" } }, "/transports/http/url"],
    [{ http: { url: "{missing}" } }, "/transports/http/url"],
    [{ http: { url: "{url}", headers: { a: "{token}" } } }, "/transports/http/headers/a"],
    [{ http: { url: "{url}", headers: { a: "{secret:user}" } } }, "/transports/http/headers/a"],
    [{ http: { url: "{url}", headers: { a: "{login:sid}" } } }, "/transports/http/headers/a"],
    [{ http: { url: "{url}", tls: { verfiy: "verify_ssl" } } }, "/transports/http/tls/verfiy"],
    [{ http: { url: "{url}", tls: { verify: "missing" } } }, "/transports/http/tls/verify"],
    [{ http: { url: "{url}", reads: ["post /x"] } }, "/transports/http/reads/0"],
    [{ http: { url: "{url}", places: ["x"] } }, "/transports/http/places"],
    [
      { http: { url: "{url}", login: { request: { path: "login" }, take: { a: "cookie:A" } } } },
      "/transports/http/login/request/path",
    ],
    [
      { http: { url: "{url}", login: { request: { path: "/login" }, take: { a: "body" } } } },
      "/transports/http/login/take/a",
    ],
    [{ tcp: { host: "{host}" } }, "/transports/tcp/port"],
    [{ tcp: { host: "{host}{port}", port: "{port}" } }, "/transports/tcp/host"],
    [{ tcp: { host: "{host}", port: "{port}", reads: ["*"] } }, "/transports/tcp/reads/0"],
  ] as const)("%j", (transports, pointer) => {
    expect(
      checkTransports(manifest(transports as unknown as Record<string, JsonObject>)).map((problem) => problem.pointer),
    ).toEqual([pointer]);
  });

  test("writes[] that are missing, for no transport, bare beside several, or no pattern", () => {
    const check = (writes: unknown, transports: Record<string, JsonObject> = { http: { url: "{url}" } }) => {
      const capability = { id: "a", verbs: ["set"], targets: ["x"], ...(writes === undefined ? {} : { writes }) };
      return checkTransports(manifest(transports, { capabilities: [capability as never] })).map(
        (problem) => problem.pointer,
      );
    };
    const both = { http: { url: "{url}" }, tcp: { host: "{host}", port: "{port}" } };
    expect(check(undefined)).toEqual(["/capabilities/0/writes"]);
    expect(check([])).toEqual([]);
    expect(check(["nonsense"])).toEqual(["/capabilities/0/writes/0"]);
    expect(check(["DELETE /silence/{id}"])).toEqual(["/capabilities/0/writes/0"]);
    expect(check(["DELETE /silence/{target}", "POST /{verb}/*"])).toEqual([]);
    expect(check([{ ssh: "x" }])).toEqual(["/capabilities/0/writes/0"]);
    expect(check(["POST /x"], both)).toEqual(["/capabilities/0/writes/0"]);
    expect(check([{ http: "POST /x" }, { tcp: "SET *" }], both)).toEqual([]);
  });

  test("a test that writes, or that no transport can run", () => {
    const http = { method: "http", request: { method: "POST", path: "/x" }, success_when: "status == 200" } as const;
    const tcp = { method: "tcp", tcp: { port: 1 } } as const;
    const check = (given: Manifest["test"]) =>
      checkTransports(manifest({ http: { url: "{url}" } }, given === undefined ? {} : { test: given })).map(
        (problem) => problem.pointer,
      );
    expect(check(http)).toEqual(["/test/request/method"]);
    expect(check(tcp)).toEqual(["/test/method"]);
    expect(check({ ...http, request: { method: "GET", path: "/x" } })).toEqual([]);
    const { transports: _, ...bare } = manifest({});
    expect(checkTransports({ ...bare, test: { method: "tcp", tcp: {} } })).toMatchObject([
      { pointer: "/test/tcp/port" },
    ]);
  });

  test("nothing when it is sound, for kinds that come later too", () => {
    const transports = {
      http: {
        url: "https://{host}:{port}",
        headers: { Authorization: ["A={secret:token}"] },
        tls: { verify: "verify_ssl" },
      },
      "http.lan": { url: "https://api.example/x" },
      ssh: {
        host: "{hostname}",
        username: "{user}",
        password: "{secret:token}",
        reads: ["show *"],
        session: { config: ["configure", "end"] },
      },
      snmp: { host: "{hostname}", community: "{secret:token}" },
      process: { programs: [{ name: "ansible", network: true }] },
    };
    const requires = { permissions: ["net:http:api.example"] };
    expect(checkTransports(manifest(transports as never, { requires }))).toEqual([]);
  });
});

test("consent must name what reaches beyond the instance's own endpoint and its pinned writes", () => {
  const transports = {
    http: { url: "{url}", reads: [{ method: "POST", path: "/rpc", body: { "/m": "get" } }, "GET /x"] },
    ssh: { host: "{host}", reads: ["show *"] },
    process: { programs: [{ name: "bolt" }] },
  };
  const capabilities = [
    { id: "a", verbs: ["set"], targets: ["x"] },
    { id: "b", verbs: ["read"], targets: ["x"] },
    { id: "c", verbs: ["set"], targets: ["x"], writes: [] },
  ];
  const given = manifest(transports as never, {
    capabilities,
    requires: { permissions: ["secrets:raw", "net:http:x"] },
  });
  expect(requiredPermissions(given)).toEqual([
    "net:http:x",
    "program:bolt",
    'read:http:POST /rpc {"/m":"get"}',
    "read:ssh:show *",
    "secrets:raw",
    "unpinned:a",
  ]);
});

test.each([
  [{ http: { url: "https://{host}/x" } }, "host", ["net:http:evil.example"]],
  [{ "http.other": { url: ["{url}", "https://{host}"] } }, "host", ["net:http.other:evil.example"]],
  [{ http: { url: "{url}" } }, "url", ["net:http:evil.example"]],
  [{ ssh: { host: "{hostname}", jump: { host: "{host}" } } }, "host", ["net:ssh:evil.example"]],
  [{ snmp: { host: ["{hostname}", "{host}"] } }, "host", ["net:snmp:evil.example"]],
  [{ tcp: { host: "{host}", port: 1 } }, "host", ["net:tcp:evil.example"]],
  [undefined, "hostname", ["net:http:evil.example", "net:snmp:evil.example", "net:ssh:evil.example"]],
  [{ http: { url: "https://{host}/{node}" } }, "node", []],
])("a default in host position is asked for: %j, %s", (transports, field, expected) => {
  const value = field === "url" ? "https://evil.example:8443/x" : "evil.example";
  const given = manifest(transports as Record<string, JsonObject> | undefined, { capabilities: [] });
  const properties = { ...(given.schema.connection["properties"] as JsonObject), [field]: { default: value } };
  const asked = { ...given, schema: { connection: { type: "object", properties } } };
  expect(requiredPermissions(asked).filter((one) => one.startsWith("net:"))).toEqual(expected);
});
