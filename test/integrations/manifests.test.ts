/** The manifests of the packs we ship hold, and their drivers handle what they declare. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { bind, checkTransports, requiredPermissions } from "../../src/model/binding.ts";
import { checkManifest } from "../../src/model/manifest-check.ts";
import { compileSchema } from "../../src/model/schema.ts";

const folder = fileURLToPath(new URL("../../integrations/", import.meta.url));
const ids = readdirSync(folder);
const manifestOf = (id: string) => {
  const { manifest, problems } = checkManifest(parse(readFileSync(`${folder}${id}/plugin.yaml`, "utf8")));
  expect(problems).toEqual([]);
  if (manifest === undefined) throw new Error(`Expected a manifest in ${id}.`);
  return manifest;
};
const lineCount = (id: string): number => readFileSync(`${folder}${id}/driver.ts`, "utf8").split("\n").length;

describe.each(ids)("%s", (id) => {
  it("has a manifest without problems that asks for no permission but to read what it must", () => {
    const manifest = manifestOf(id);
    expect(checkTransports(manifest)).toEqual([]);
    expect(requiredPermissions(manifest)).toEqual(id === "com.aruba.aoss" ? ["read:ssh:show *"] : []);
    expect(manifest.id).toBe(id);
  });

  it("has a driver whose handles are the manifest's capabilities", async () => {
    const manifest = manifestOf(id);
    const [module = "", name = ""] = manifest.driver.entrypoint.split(":");
    const { [name]: Driver } = (await import(`${folder}${id}/${module}.ts`)) as Record<string, { handles?: object }>;
    const declared = manifest.capabilities.map(({ id: capability, verbs, targets }) => [
      capability,
      { verbs, targets },
    ]);
    expect(Driver?.handles).toEqual(Object.fromEntries(declared));
  });

  it("keeps its driver short", () => expect(lineCount(id)).toBeLessThanOrEqual(id === "prometheus" ? 100 : 300));
});

describe("walnut.proxmox.ve", () => {
  const problemsOf = (config: object) => compileSchema(manifestOf("walnut.proxmox.ve").schema.connection)(config);

  it("takes the connections of older releases, whose node was obligatory", () => {
    const old = { host: "pve.example", port: 8006, node: "pve1", verify_ssl: false, api_token: "root@pam!t=secret" };
    expect(problemsOf(old)).toEqual([]);
    expect(problemsOf({ host: "pve.example", port: 8006, api_token: "secret", token_name: "root@pam!t" })).toEqual([]);
    expect(problemsOf({ host: "pve.example", port: 8006 })).not.toEqual([]);
    expect(problemsOf({ ...old, token_name: "root" })).not.toEqual([]);
  });

  it("puts the token together from its name and its secret, or takes it whole", () => {
    const manifest = manifestOf("walnut.proxmox.ve");
    const header = (config: Record<string, string | number>) => {
      const { endpoints } = bind({ manifest, config, secretNames: ["api_token"] });
      const http = endpoints["http"];
      return http?.kind === "http" ? http.headers["authorization"] : undefined;
    };
    const place = { host: "pve.example", port: 8006 };
    expect(header(place)).toEqual([{ text: "PVEAPIToken=" }, { secret: "api_token" }]);
    expect(header({ ...place, token_name: "root@pam!t" })).toContainEqual({ text: "root@pam!t" });
  });
});

describe("com.aruba.aoss", () => {
  const problemsOf = (config: object) => compileSchema(manifestOf("com.aruba.aoss").schema.connection)(config);
  const old = {
    ...{ hostname: "switch.example", username: "manager", password: "secret", snmp_community: "public" },
    ...{ ssh_port: 22, snmp_port: 161, timeout_s: 30, device_type: "aruba_osswitch", enable_password: "secret" },
  };
  const bare = { hostname: "switch.example", username: "manager" };

  it("takes the connections of older releases, also fields that they read without declaring them", () => {
    expect(problemsOf(old)).toEqual([]);
    expect(problemsOf({ ...old, poll_mode: "snmp", ssh_min_poll_seconds: 180, snmp_host: "10.0.0.1" })).toEqual([]);
  });

  it("takes a key for the password and SNMPv3 for the community, and asks for one of each", () => {
    expect(problemsOf({ ...bare, private_key: "key", snmp_user: "monitor", snmp_auth_key: "12345678" })).toEqual([]);
    expect(problemsOf({ ...bare, password: "secret" })).not.toEqual([]);
    expect(problemsOf({ ...bare, snmp_community: "public" })).not.toEqual([]);
  });

  it("says of each writing capability what it may ever send", () => {
    const { capabilities } = manifestOf("com.aruba.aoss");
    const written = Object.fromEntries(
      capabilities.filter(({ writes = [] }) => writes.length > 0).map(({ id, writes = [] }) => [id, writes]),
    );
    expect(written["poe.port"]).toEqual([
      { ssh: "interface {target}" },
      { ssh: "power-over-ethernet" },
      { ssh: "no power-over-ethernet" },
    ]);
    expect(Object.keys(written)).toEqual([
      "poe.port",
      "poe.priority",
      "net.interface",
      "switch.config",
      "switch.reboot",
    ]);
    for (const { id, lock } of capabilities.filter(({ writes }) => writes !== undefined))
      expect([id, lock]).toEqual([id, "instance"]);
  });
});
