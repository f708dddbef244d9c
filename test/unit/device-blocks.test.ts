/** The ssh and snmp entries of a manifest: what is refused before any instance exists, and what an instance makes of them. */
import { describe, expect, test } from "vitest";
import { bind, checkTransports } from "../../src/model/binding.ts";
import type { SnmpEndpoint, SshEndpoint } from "../../src/model/endpoint.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { terminalText } from "../../src/model/terminal-text.ts";
import { isLater } from "../../src/transports/snmp/values.ts";

const fields = ["host", "snmp_host", "ssh_port", "username", "pin", "old", "jump", "user", "auth"];
const manifestOf = (transports: Readonly<Record<string, JsonObject>> | undefined, defaults = {}): Manifest => ({
  id: "test.device",
  name: "Device",
  version: "1.0.0",
  min_core_version: "1.0.0",
  category: "network-device",
  driver: { entrypoint: "driver:Device" },
  schema: {
    connection: {
      type: "object",
      properties: {
        ...Object.fromEntries(fields.map((name) => [name, {}])),
        password: { type: "string", secret: true },
        snmp_community: { type: "string", secret: true },
        auth_key: { type: "string", secret: true },
      },
    },
  },
  capabilities: [{ id: "inventory.list", verbs: ["list"], targets: ["port"] }],
  defaults,
  ...(transports === undefined ? {} : { transports }),
});
const ssh = { host: "{host}", username: "{username}", password: "{secret:password}" };
const problemsOf = (name: string, block: JsonObject): string[] =>
  checkTransports(manifestOf({ [name]: block })).map(({ pointer }) => pointer);

describe("a manifest's ssh block", () => {
  test.each([
    [{ host: "{host}" }, "/username"],
    [{ ...ssh, host_key: "{pin}" }, "/host_key"],
    [{ ...ssh, legacy_algorithms: "nowhere" }, "/legacy_algorithms"],
    [{ ...ssh, session: { set_up: [] } }, "/session/set_up"],
    [{ ...ssh, session: { prompt: "(?=x)" } }, "/session/prompt"],
    [{ ...ssh, session: { config: "configure" } }, "/session/config"],
    [{ ...ssh, session: { enable: "{secret:nothing}" } }, "/session/enable"],
    [{ ...ssh, jump: {} }, "/jump/host"],
    [{ ...ssh, jump: { host: "jump.example" } }, "/jump/host"],
    [{ ...ssh, jump: { host: "{jump}", port: "{host}x" } }, "/jump/port"],
    [{ ...ssh, reads: ["*"] }, "/reads/0"],
    [{ ...ssh, redact: ["Serial: (\\S+)", "(?=x)"] }, "/redact/1"],
  ] as [JsonObject, string][])("%j is refused at %s", (block, pointer) => {
    expect(problemsOf("ssh", block)).toEqual([`/transports/ssh${pointer}`]);
  });

  test("is sound as the examples write it", () => {
    const session = {
      setup: ["no page"],
      enable: "{secret:password}",
      config: ["configure", "end"],
      errors: ["Invalid*"],
    };
    expect(
      problemsOf("ssh", {
        ...ssh,
        port: "{ssh_port}",
        host_key: "pin",
        session,
        jump: { host: "{jump}" },
        reads: ["show *"],
        redact: ["Serial: (\\S+)", "/serial"],
      }),
    ).toEqual([]);
    expect(
      problemsOf("snmp", { host: "{host}", community: "{secret:snmp_community}", auth_protocol: "{nowhere}" }),
    ).toEqual(["/transports/snmp/auth_protocol"]);
  });
});

describe("an instance", () => {
  const endpointsOf = (
    transports: Readonly<Record<string, JsonObject>> | undefined,
    config: JsonObject,
    secretNames: string[],
    defaults = {},
  ) => bind({ manifest: manifestOf(transports, defaults), config, secretNames }).endpoints;

  test("has no jump host when its field is absent, and the device's own login where the jump names none", () => {
    const block = { ssh: { ...ssh, jump: { host: "{jump}" } } };
    const config = { host: "a", username: "joe" };
    expect((endpointsOf(block, config, ["password"])["ssh"] as SshEndpoint).jump).toBeNull();
    const { jump } = endpointsOf(block, { ...config, jump: "b" }, ["password"])["ssh"] as SshEndpoint;
    expect(jump).toMatchObject({
      host: "b",
      port: 22,
      password: [{ secret: "password" }],
      username: [{ text: "joe" }],
    });
  });

  test("speaks version 3 when it has a user, 2c when it has a community, and nothing when it has neither", () => {
    const block = {
      snmp: {
        host: "{host}",
        community: "{secret:snmp_community}",
        user: "{user}",
        auth_key: "{secret:auth_key}",
        auth_protocol: "{auth}",
        priv_key: "{secret:priv_key}",
        priv_protocol: "{priv}",
      },
    };
    const of = (config: JsonObject, names: string[]): SnmpEndpoint | undefined =>
      endpointsOf(block, { host: "a", ...config }, names)["snmp"] as SnmpEndpoint | undefined;
    expect(of({}, [])).toBeUndefined();
    expect(of({}, ["snmp_community"])).toMatchObject({ version: "2c", port: 161, timeoutMs: 5_000, retries: 1 });
    expect(of({ user: "joe", auth: "SHA-256" }, ["auth_key"])).toMatchObject({
      version: "3",
      user: { name: "joe", auth: { protocol: "sha256" }, priv: null },
    });
    expect(of({ user: "joe", priv: "AES-256" }, ["auth_key", "priv_key"])).toMatchObject({
      user: { priv: { protocol: "aes256b" } },
    });
    expect(() => of({ user: "joe", auth: "rot13" }, ["auth_key"])).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
    expect(() => of({ user: "joe", priv: "des" }, ["auth_key", "priv_key"])).toThrow(
      expect.objectContaining({
        code: "config_invalid",
        message: expect.stringMatching(/expected one of aes, .*"des"/),
      }),
    );
  });

  test("takes time-outs and ports from the manifest's defaults", () => {
    const defaults = { transports: { ssh: { timeout_s: 12, port: 2_222 }, snmp: { timeout_s: 2, retries: 0 } } };
    const found = endpointsOf(
      { ssh, snmp: { host: "{host}", community: "{secret:snmp_community}" } },
      { host: "a", username: "joe" },
      ["snmp_community"],
      defaults,
    );
    expect(found["ssh"]).toMatchObject({ timeoutMs: 12_000, port: 2_222 });
    expect(found["snmp"]).toMatchObject({ timeoutMs: 2_000, retries: 0 });
  });

  test("of a pack without a block has ssh and snmp by the usual names of their fields", () => {
    const found = endpointsOf(undefined, { host: "a", snmp_host: "b", username: "joe", ssh_port: 2_200 }, [
      "password",
      "snmp_community",
    ]);
    expect(found["ssh"]).toMatchObject({ host: "a", port: 2_200, shell: null });
    expect(found["snmp"]).toMatchObject({ host: "b", port: 161 });
    expect(Object.keys(endpointsOf(undefined, { host: "a" }, []))).toEqual(["http"]);
  });

  test.each(["no key", "SHA256:short", "ab".repeat(31)])("pins no host key such as %j", (pin) => {
    expect(() => endpointsOf({ ssh: { ...ssh, host_key: "pin" } }, { host: "a", username: "joe", pin }, [])).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/config/pin" })] }),
    );
  });
});

test.each([
  ["plain\ttext\n", "plain\ttext\n"],
  ["\u001b[1;31mred\u001b[0m\u0007", "red"],
  ["\u001b]0;title\u0007shown", "shown"],
  ["one\r\r\ntwo\r\n", "one\ntwo\n"],
  ["-- MORE --\r          \rline", "line"],
  ["abc\b\b\bxyz", "xyz"],
  ["\u001b[24;1H\u001bEnext\u009b2K", "\nnext"],
  ["\u001b]never ended", ""],
  ["bell\u0000\u0085new", "bell\nnew"],
])("a terminal shows %j as %j", (raw, shown) => {
  expect(terminalText(raw)).toBe(shown);
});

test.each([
  ["1.3.10", "1.3.9", true],
  ["1.3.9", "1.3.10", false],
  ["1.3.1.1", "1.3.1", true],
  ["1.3.1", "1.3.1.1", false],
  ["1.3.1", "1.3.1", false],
  ["1.3.12", "1.3.1.5", true],
  ["1.3.2.1", "1.3.1.9.9", true],
  ["1.3.1", "1.3.10", false],
])("%s comes after %s: %s", (after, before, isAfter) => {
  expect(isLater(after, before)).toBe(isAfter);
});
