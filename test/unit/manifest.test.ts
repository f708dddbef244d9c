/** The manifest of an integration: its form, and what its fields say about one another. */
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../src/model/manifest-check.ts";
import { aossManifest, proxmoxManifest, smallManifest } from "../kit/manifests.ts";

const pointers = (document: unknown) => checkManifest(document).problems.map(({ pointer }) => pointer);
const small = (changes: object) => ({ ...smallManifest(), ...changes });
const capability = (changes: object) =>
  small({ capabilities: [{ id: "light.power", verbs: ["on", "off"], targets: ["lamp"], ...changes }] });
const connection = (changes: object) => small({ schema: { connection: changes } });

describe("a manifest", () => {
  it.each([
    ["of a hypervisor with an http test", proxmoxManifest()],
    ["of a switch tested by its driver", aossManifest()],
    ["with nothing but what is required", smallManifest()],
  ])("%s is accepted as it is written", (_, document) => {
    expect(checkManifest(document)).toEqual({ manifest: document, problems: [] });
  });

  it.each(["id", "name", "version", "min_core_version", "category", "schema", "capabilities", "driver"])(
    "needs %s",
    (field) => {
      const { [field]: _, ...rest } = smallManifest() as unknown as Record<string, unknown>;
      expect(checkManifest(rest).problems).toEqual([
        { pointer: `/${field}`, message: "expected a value, got nothing" },
      ]);
    },
  );

  it.each([
    ["not an object", 5, ""],
    ["an unknown top-level key", small({ errors: {} }), "/errors"],
    ["an id with an upper-case letter", small({ id: "Acme" }), "/id"],
    ["an id that climbs", small({ id: "../x" }), "/id"],
    ["an empty name", small({ name: "" }), "/name"],
    ["a name of 101 characters", small({ name: "n".repeat(101) }), "/name"],
    ["a version with two parts", small({ version: "1.0" }), "/version"],
    ["a version with a leading zero", small({ version: "01.0.0" }), "/version"],
    ["a min_core_version that is a number", small({ min_core_version: 1 }), "/min_core_version"],
    ["an unknown category", small({ category: "network" }), "/category"],
    ["an entrypoint without a class", small({ driver: { entrypoint: "driver" } }), "/driver/entrypoint"],
    ["an entrypoint in a folder", small({ driver: { entrypoint: "src/driver:X" } }), "/driver/entrypoint"],
    ["an unknown language", small({ driver: { entrypoint: "a:B", language: "ruby" } }), "/driver/language"],
    ["an unknown key of driver", small({ driver: { entrypoint: "a:B", x: 1 } }), "/driver/x"],
    ["another key beside schema.connection", small({ schema: { connection: { type: "object" }, x: {} } }), "/schema/x"],
    ["no capability", small({ capabilities: [] }), "/capabilities"],
    ["a capability id with a dash", capability({ id: "light-power" }), "/capabilities/0/id"],
    ["no verbs", capability({ verbs: [] }), "/capabilities/0/verbs"],
    ["a verb twice", capability({ verbs: ["on", "on"] }), "/capabilities/0/verbs"],
    ["a target with a dash", capability({ targets: ["poe-port"] }), "/capabilities/0/targets/0"],
    ["an unknown dry-run policy", capability({ dry_run: "unsupported" }), "/capabilities/0/dry_run"],
    ["an unknown lock", capability({ lock: "all" }), "/capabilities/0/lock"],
    ["an unknown key of a capability", capability({ discovery: true }), "/capabilities/0/discovery"],
    [
      "a refresh limit above 60 s",
      small({ defaults: { dry_run_refresh_sla_s: 61 } }),
      "/defaults/dry_run_refresh_sla_s",
    ],
    ["a TTL that is a text", small({ defaults: { inventory_ttl_s: "60" } }), "/defaults/inventory_ttl_s"],
    ["a negative TTL of a type", small({ defaults: { inventory_ttl_s: { vm: -1 } } }), "/defaults/inventory_ttl_s/vm"],
    ["an unknown test method", small({ test: { method: "ssh" } }), "/test/method"],
    [
      "an http test without its request",
      small({ test: { method: "http", success_when: "status == 200" } }),
      "/test/request",
    ],
    [
      "an http test without its condition",
      small({ test: { method: "http", request: { method: "GET", path: "/" } } }),
      "/test/success_when",
    ],
    ["a tcp test without its block", small({ test: { method: "tcp" } }), "/test/tcp"],
    [
      "a tcp test that waits 31 s",
      small({ test: { method: "tcp", tcp: { port: 1, timeout_s: 31 } } }),
      "/test/tcp/timeout_s",
    ],
    ["an unknown transport", small({ transports: { carrier: {} } }), "/transports/carrier"],
    ["an unknown permission", small({ requires: { permissions: ["root"] } }), "/requires/permissions/0"],
    ["an unknown requirement", small({ requires: { ruby: "3" } }), "/requires/ruby"],
  ])("with %s is refused there", (_, document, pointer) => {
    expect(pointers(document)).toContain(pointer);
  });

  it("reports wrong types everywhere at once", () => {
    const document = {
      id: 1,
      name: [],
      version: {},
      min_core_version: null,
      category: 7,
      description: false,
      schema: "x",
      capabilities: { id: "x" },
      driver: [],
      defaults: 3,
      test: "http",
      transports: [],
      requires: "node",
      extra: 1,
    };
    expect(pointers(document).toSorted()).toEqual(
      Object.keys(document)
        .map((key) => `/${key}`)
        .toSorted(),
    );
  });

  it("checks what has the right form although something else has not", () => {
    const document = {
      ...small({ name: "" }),
      capabilities: [
        { id: "a", verbs: ["on"], targets: ["lamp"], destructive: ["off"] },
        { id: "b", verbs: "on", targets: ["lamp"] },
      ],
    };
    expect(pointers(document)).toEqual(
      expect.arrayContaining(["/name", "/capabilities/0/destructive/0", "/capabilities/1/verbs"]),
    );
  });
});

describe("what the fields of a manifest say about one another", () => {
  it.each([
    [
      "an id used twice",
      small({ capabilities: [1, 2].map(() => ({ id: "a", verbs: ["on"], targets: ["x"] })) }),
      "/capabilities/1/id",
    ],
    [
      "the inverse of a verb that is not declared",
      capability({ invertible: { dim: { inverse: "off" } } }),
      "/capabilities/0/invertible/dim",
    ],
    [
      "an inverse that is not declared",
      capability({ invertible: { on: { inverse: "dim" } } }),
      "/capabilities/0/invertible/on/inverse",
    ],
    [
      "an inverse with a parameter that does not exist",
      capability({
        params: { type: "object", properties: { level: { type: "integer" } }, additionalProperties: false },
        invertible: { on: { inverse: "off", params: { power: { from: "/level" } } } },
      }),
      "/capabilities/0/invertible/on/params/power",
    ],
    [
      "an inverse whose parameter comes from two places",
      capability({ invertible: { on: { inverse: "off", params: { a: { from: "/a", map: { x: "y" } } } } } }),
      "/capabilities/0/invertible/on/params/a",
    ],
    [
      "a destructive verb that is not declared",
      capability({ destructive: ["explode"] }),
      "/capabilities/0/destructive/0",
    ],
    [
      "parameters that are no schema",
      capability({ params: { type: "object", required: 1 } }),
      "/capabilities/0/params/required",
    ],
    ["a connection that is no object schema", connection({ type: "string" }), "/schema/connection/type"],
    [
      "a connection with an exploding pattern",
      connection({ type: "object", properties: { a: { type: "string", pattern: "(?=x)y" } } }),
      "/schema/connection/properties/a/pattern",
    ],
    [
      "a secret that is no text",
      connection({ type: "object", properties: { pin: { type: "integer", secret: true } } }),
      "/schema/connection/properties/pin/type",
    ],
    [
      "a secret inside an object",
      connection({ type: "object", properties: { a: { type: "object", properties: { key: { secret: true } } } } }),
      "/schema/connection/properties/a/properties/key/secret",
    ],
    [
      "a mark secret that is no boolean",
      connection({ type: "object", properties: { a: { type: "string", secret: "yes" } } }),
      "/schema/connection/properties/a/secret",
    ],
    [
      "a condition that cannot be read",
      small({ test: { method: "http", request: { method: "GET", path: "/" }, success_when: "status = 200" } }),
      "/test/success_when",
    ],
    [
      "a test that writes",
      small({ test: { method: "http", request: { method: "POST", path: "/" }, success_when: "status == 200" } }),
      "/test/request/method",
    ],
    [
      "a tcp test beside transports without tcp",
      small({ transports: { http: { url: "https://{host}" } }, test: { method: "tcp", tcp: { port: 22 } } }),
      "/test/method",
    ],
  ])("%s is refused there", (_, document, pointer) => {
    expect(pointers(document)).toContain(pointer);
  });

  it("brings the older spelling of an http test into the one form", () => {
    const test = { request: { method: "GET", path: "/version" }, success_when: "status == 200" };
    const { manifest, problems } = checkManifest(small({ test: { method: "http", http: test } }));
    expect(problems).toEqual([]);
    expect(manifest?.test).toEqual({ method: "http", ...test });
  });
});
