/** Installing packs: whole or not at all, and with everything said that is wrong. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { listTypes } from "../../src/store/types.ts";
import { lampPack, usePackBench } from "../kit/pack-bench.ts";
import { makeZip } from "../kit/zip.ts";

const { bench, typeOf, releases, addInstance } = usePackBench();

describe("installing a pack", () => {
  it("goes through its phases in order and makes the type valid", async () => {
    const { result, error, events, announced } = await bench().install(lampPack());
    expect(error).toBeNull();
    expect(result).toMatchObject({ type_id: "acme.lamp", version: "1.0.0", status: "valid", errors: {} });
    expect([...new Set(events.map(({ phase }) => phase))]).toEqual([
      "upload",
      "unpack",
      "manifest",
      "install",
      "registry",
      "final",
    ]);
    expect(await typeOf()).toMatchObject({
      status: "valid",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      language: "node",
    });
    expect(announced).toContainEqual({
      type: "integration_type.updated",
      id: "acme.lamp",
      status: "valid",
      errors: {},
    });
    expect(await releases()).toEqual(["1.0.0 valid"]);
  });

  it("changes nothing when the same content comes again", async () => {
    await bench().install(lampPack());
    const before = await typeOf();
    const { result, events } = await bench().install(lampPack());
    expect(result).toMatchObject({ status: "valid" });
    expect(events.map(({ message }) => message)).toContain("Nothing changed: this content is installed");
    expect(await typeOf()).toEqual(before);
  });

  it("refuses another content under the same version, and a lower version, unless it may replace", async () => {
    await bench().install(lampPack({ version: "1.1.0" }));
    const other = lampPack({ version: "1.1.0", description: "other" });
    expect((await bench().install(other)).error?.code).toBe("pack_conflict");
    expect((await bench().install(lampPack({ version: "1.0.0" }))).error?.code).toBe("pack_conflict");
    expect((await bench().install(other, { replace: true })).result).toMatchObject({ status: "valid" });
    expect(await releases()).toEqual(expect.arrayContaining(["1.1.0 valid", "1.1.0 superseded"]));
  });

  it("upgrades, and shows what the test of each instance came to", async () => {
    await bench().install(lampPack());
    const instance = await addInstance();
    const { result } = await bench().install(lampPack({ version: "1.1.0" }));
    expect(result).toMatchObject({ version: "1.1.0", tests: [{ instance_id: instance.id, state: "succeeded" }] });
    expect((await releases()).toSorted()).toEqual(["1.0.0 superseded", "1.1.0 valid"]);
  });

  it("says by name which instance does not work with another version, and why", async () => {
    await bench().install(lampPack());
    await addInstance();
    const testError = { code: "auth_failed" as const, title: "T", detail: "The device refused the login." };
    const { events } = await bench().install(lampPack({ version: "1.1.0" }), {}, { testError });
    const said = events.map(({ message }) => message);
    expect(said).toContain("Testing 1 instance");
    expect(said).toContainEqual(
      expect.stringMatching(/^Test of (?!ins_).+: failed, The device refused .* \(auth_failed\)$/),
    );
  });

  it("asks for consent before it loads any code, and takes it for exactly this list", async () => {
    const asking = lampPack({ requires: { permissions: ["secrets:raw"] } }, { "driver.ts": "while (true);" });
    const { error, events } = await bench().install(asking);
    expect(error?.code).toBe("consent_required");
    expect(error?.details).toMatchObject({
      permissions: expect.arrayContaining(["secrets:raw"]),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(events.map(({ phase }) => phase)).not.toContain("registry");
    expect(await typeOf()).toBeUndefined();
    const calm = lampPack({ requires: { permissions: ["secrets:raw"] } });
    const consent = (await bench().install(calm)).error?.details["digest"] as string;
    expect((await bench().install(calm, { consent })).result).toMatchObject({ status: "valid" });
    expect(await typeOf()).toMatchObject({ permissions: ["secrets:raw"] });
    expect(
      (await bench().install(lampPack({ version: "1.1.0", requires: { permissions: ["secrets:raw"] } }))).error,
    ).toBeNull();
    const wider = lampPack({ version: "1.2.0", requires: { permissions: ["secrets:raw", "net:http:example.org"] } });
    expect((await bench().install(wider)).error?.code).toBe("consent_required");
  });

  it("refuses a pack we do not ship when the sandbox is too weak for it, before it loads any code", async () => {
    const { error, events } = await bench().install(lampPack(), {}, { minSandbox: "full" });
    expect(error?.code).toBe("sandbox_level_too_low");
    expect(events.map(({ phase }) => phase)).not.toContain("registry");
    expect(await typeOf()).toBeUndefined();
  });

  it.each([
    ["no zip", async () => Buffer.from("nonsense"), "archive_invalid"],
    ["no manifest", async () => makeZip([{ name: "driver.ts" }]), "manifest_missing"],
    ["no id", async () => makeZip([{ name: "plugin.yaml", bytes: "name: x" }]), "manifest_id_missing"],
    ["an id that climbs", async () => makeZip([{ name: "plugin.yaml", bytes: "id: ../x" }]), "manifest_invalid"],
    ["an entry that climbs", async () => makeZip([{ name: "../plugin.yaml", bytes: "id: x" }]), "archive_path_unsafe"],
  ])("records nothing of an upload with %s", async (_, make, code) => {
    const { error } = await bench().run("pack.install", { upload: await bench().upload(await make()), replace: false });
    expect(error?.code).toBe(code);
    expect(await bench().store.read(() => listTypes())).toEqual([]);
  });

  it("leaves an invalid type on view with everything that is wrong, and lets any later upload replace it", async () => {
    const bad = lampPack(
      { min_core_version: "9.0.0", category: "network", requires: { node: ">=99" } },
      { "driver.ts": "export class LampDriver { light_power(a, b) {} }" },
    );
    const { error } = await bench().install(bad);
    expect(error?.code).toBe("pack_invalid");
    expect(error?.details).toMatchObject({ type_id: "acme.lamp", status: "invalid" });
    const type = await typeOf();
    expect(type?.status).toBe("invalid");
    expect(type?.errors).toMatchObject({
      schema_error: [{ pointer: "/category", line: expect.any(Number) }],
      capability_signature: [{ method: "light_power" }],
      missing_test_connection: {},
      core_version_incompatible: { required: "9.0.0", current: "1.0.0" },
      requires_unmet: [{ requirement: "node" }],
    });
    expect((await bench().install(lampPack({ version: "0.1.0" }))).result).toMatchObject({
      status: "valid",
      version: "0.1.0",
    });
  });

  it.each([
    ["throws when it is loaded", 'throw new Error("boom at the top");', /boom at the top/],
    ["is no TypeScript", "export class LampDriver {{", /.+/],
    ["imports what is not there", 'import "./nowhere.ts"; export class LampDriver {}', /nowhere/],
    ["exports another class", "export class Other {}", /LampDriver/],
  ])("reports a driver that %s", async (_, source, message) => {
    const { error } = await bench().install(lampPack({}, { "driver.ts": source }));
    expect(error?.code).toBe("pack_invalid");
    expect((await typeOf())?.errors["import_error"]).toMatchObject({ message: expect.stringMatching(message) });
  });

  it("reports a driver that is not there", async () => {
    const { "driver.ts": _, ...rest } = lampPack();
    await bench().install(rest);
    expect(Object.keys((await typeOf())?.errors ?? {})).toEqual(["driver_missing"]);
  });

  it("leaves the installed release untouched when an upgrade fails", async () => {
    await bench().install(lampPack());
    const before = await typeOf();
    const { error } = await bench().install(lampPack({ version: "2.0.0" }, { "driver.ts": "throw new Error()" }));
    expect(error?.code).toBe("pack_invalid");
    expect(await typeOf()).toEqual(before);
    expect(await releases()).toEqual(["1.0.0 valid"]);
    expect(await readdir(bench().releasesDir)).toEqual([before?.digest]);
  });
});
