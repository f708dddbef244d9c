/** What is decided about a pack before anything is written: its driver, its rank, its consent, its verdict. */
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../src/model/manifest-check.ts";
import { consentDigest, openConsent } from "../../src/packs/consent.ts";
import { findDriver } from "../../src/packs/driver-file.ts";
import { decideInstall, type Incoming, type Installed, pickEarlier } from "../../src/packs/install-rules.ts";
import { presentable } from "../../src/packs/presentable.ts";
import { collectErrors, type Findings, type LoadedSurface } from "../../src/packs/verdict.ts";
import { smallManifest } from "../kit/manifests.ts";

const file = (path: string, text: string | Buffer = "") => ({ path, bytes: Buffer.from(text as string) });

describe("the driver's file", () => {
  const driver = (block: object, ...paths: string[]) =>
    findDriver(
      { driver: { entrypoint: "driver:D", ...block } } as never,
      paths.map((path) => file(path)),
    );

  it.each([
    [{}, ["driver.ts"], "node"],
    [{}, ["driver.js"], "node"],
    [{}, ["driver.mjs"], "node"],
    [{}, ["driver.py", "driver.ts"], "node"],
    [{}, ["driver.py"], "python"],
    [{ language: "python" }, ["driver.py", "driver.ts"], "python"],
  ])("%j with %j is %s", (block, paths, language) => {
    const path = expect.stringMatching(language === "python" ? /py$/ : /[jt]s$/);
    expect(driver(block, ...paths)).toEqual({
      outcome: "found",
      driver: { entrypoint: "driver:D", language, path },
    });
  });

  it("is missing when it lies elsewhere or is in another language", () => {
    expect(driver({}, "src/driver.ts").outcome).toBe("missing");
    expect(driver({ language: "node" }, "driver.py").outcome).toBe("missing");
    expect(findDriver({ driver: { entrypoint: "../x:D" } }, []).outcome).toBe("unreadable");
  });
});

describe("which pack takes the place of which", () => {
  const incoming = (changes: Partial<Incoming> = {}): Incoming => ({
    version: "1.1.0",
    digest: "new",
    replace: false,
    isShipped: false,
    ...changes,
  });
  const installed = (changes: Partial<Installed> = {}): Installed => ({
    version: "1.0.0",
    digest: "old",
    status: "valid",
    isRemoved: false,
    isShipped: false,
    ...changes,
  });
  const decide = (left: Partial<Incoming>, right: Partial<Installed> | undefined, known: string[] = ["old"]) =>
    decideInstall(incoming(left), right && installed(right), new Set(known)).action;

  it.each<[string, Partial<Incoming>, Partial<Installed> | undefined, string]>([
    ["nothing is installed", {}, undefined, "install"],
    ["a higher version comes", {}, {}, "upgrade"],
    ["a release follows its pre-release", { version: "1.0.0" }, { version: "1.0.0-rc.1" }, "upgrade"],
    ["10 follows 9", { version: "1.10.0" }, { version: "1.9.0" }, "upgrade"],
    ["the same content comes again", { version: "1.0.0", digest: "old" }, {}, "none"],
    ["the same content comes again with replace", { version: "1.0.0", digest: "old", replace: true }, {}, "none"],
    ["the same version has another content", { version: "1.0.0" }, {}, "conflict"],
    ["only the build differs", { version: "1.0.0+b" }, { version: "1.0.0+a" }, "conflict"],
    ["a lower version comes", { version: "0.9.0" }, {}, "conflict"],
    ["the same version is to be replaced", { version: "1.0.0", replace: true }, {}, "upgrade"],
    ["a lower version is to replace", { version: "0.9.0", replace: true }, {}, "upgrade"],
    ["an invalid one is there", { version: "0.9.0" }, { status: "invalid" }, "install"],
    ["an invalid one comes again", { version: "1.0.0", digest: "old" }, { status: "invalid" }, "install"],
    ["it was removed", { version: "1.0.0", digest: "old" }, { status: "unavailable", isRemoved: true }, "install"],
    ["an unreadable version comes", { version: "new" }, {}, "conflict"],
  ])("when %s", (_, left, right, action) => {
    expect(decide(left, right)).toBe(action);
  });

  it.each<[string, Partial<Incoming>, Partial<Installed> | undefined, string]>([
    ["nothing is there", {}, undefined, "install"],
    ["its content is known", { digest: "old" }, {}, "none"],
    ["its content was rolled back", { digest: "earlier" }, {}, "none"],
    ["a user removed it", {}, { status: "unavailable", isRemoved: true }, "none"],
    ["its folder came back", { digest: "old" }, { status: "unavailable" }, "install"],
    ["a higher version is installed", { version: "0.9.0" }, {}, "none"],
    ["the same version has another content", { version: "1.0.0" }, {}, "upgrade"],
    ["it is newer", {}, {}, "upgrade"],
    ["the installed one is invalid", { version: "0.9.0" }, { status: "invalid" }, "install"],
  ])("a shipped pack, when %s", (_, left, right, action) => {
    expect(decide({ isShipped: true, replace: true, ...left }, right, ["old", "earlier"])).toBe(action);
  });

  it("going back picks what was valid before, or what was asked for", () => {
    const release = (digest: string, status: "valid" | "invalid" | "superseded") => ({
      digest,
      typeId: "x",
      version: "1",
      installedAt: 1,
      status,
    });
    const releases = [release("c", "valid"), release("b", "invalid"), release("a", "superseded")];
    expect(pickEarlier(releases, "c")?.digest).toBe("a");
    expect(pickEarlier(releases, "c", "b")?.digest).toBe("b");
    expect(pickEarlier(releases, "c", "c")).toBeUndefined();
    expect(pickEarlier([release("c", "valid")], "c")).toBeUndefined();
  });
});

describe("consent", () => {
  it("is asked for a list, sorted and once each, and given by its digest", () => {
    const question = openConsent(["secrets:raw", "net:http:x", "secrets:raw"], [], undefined);
    expect(question?.permissions).toEqual(["net:http:x", "secrets:raw"]);
    expect(openConsent(["secrets:raw", "net:http:x"], [], question?.digest)).toBeUndefined();
    expect(openConsent(["secrets:raw"], [], question?.digest)?.digest).toBe(consentDigest(["secrets:raw"]));
  });
  it("is not asked when nothing is wanted, or no more than was granted", () => {
    expect(openConsent([], [], undefined)).toBeUndefined();
    expect(openConsent(["a"], ["a", "b"], undefined)).toBeUndefined();
    expect(openConsent(["a", "c"], ["a", "b"], undefined)?.permissions).toEqual(["a", "c"]);
  });
});

describe("the verdict on a pack", () => {
  const surface = (changes: Partial<LoadedSurface> = {}): LoadedSurface => ({
    methods: { test_connection: 0, light_power: 1 },
    handles: null,
    importError: null,
    ...changes,
  });
  const findings = (changes: Partial<Findings> = {}): Findings => ({
    document: smallManifest() as never,
    problems: [],
    placeAt: () => undefined,
    driver: { outcome: "found", driver: { entrypoint: "driver:D", language: "node", path: "driver.ts" } },
    surface: surface(),
    imports: [],
    unmet: [],
    coreVersion: "1.0.0",
    ...changes,
  });

  it("is empty for a sound pack", () => {
    expect(collectErrors(findings())).toEqual({});
    const handles = { "light.power": { verbs: ["off", "on"], targets: ["lamp"] } };
    expect(collectErrors(findings({ surface: surface({ handles }) }))).toEqual({});
  });

  it("holds every kind of fault at once", () => {
    const errors = collectErrors(
      findings({
        document: { ...smallManifest(), min_core_version: "9.0.0" } as never,
        problems: [{ pointer: "/name", message: "expected a text, got 1" }],
        placeAt: () => ({ line: 3, column: 7 }),
        driver: { outcome: "missing", message: "expected driver.ts, got none" },
        surface: surface({
          methods: { light_power: 2 },
          handles: { "light.power": { verbs: ["on"] }, "light.dim": {} },
        }),
        unmet: [{ requirement: "node", message: "expected node >=99, got 26" }],
        otherFault: "something else",
      }),
    );
    expect(errors).toEqual({
      schema_error: [{ pointer: "/name", message: "expected a text, got 1", line: 3, column: 7 }],
      driver_missing: { message: "expected driver.ts, got none" },
      capability_mismatch: [
        { capability: "light.dim", message: expect.any(String) },
        { capability: "light.power", message: "expected the verbs on, off of the manifest, got on" },
        { capability: "light.power", message: "expected the targets lamp of the manifest, got none" },
      ],
      capability_signature: [{ method: "light_power", message: "expected at most one parameter (the call), got 2" }],
      missing_test_connection: { message: expect.any(String) },
      core_version_incompatible: { required: "9.0.0", current: "1.0.0" },
      requires_unmet: [{ requirement: "node", message: "expected node >=99, got 26" }],
      validation_error: { message: "something else" },
    });
  });

  it("does not hold a driver to capabilities that the manifest, misspelt, has not", () => {
    const { capabilities, ...rest } = smallManifest();
    const handles = { "light.power": { verbs: ["on", "off"], targets: ["lamp"] } };
    const document = { ...rest, capabilites: capabilities } as never;
    expect(collectErrors(findings({ document, surface: surface({ handles }) }))).toEqual({});
  });

  it("names a capability without a method", () => {
    expect(collectErrors(findings({ surface: surface({ methods: { test_connection: 0 } }) }))).toEqual({
      capability_mismatch: [{ capability: "light.power", message: "expected a method light_power, got none" }],
    });
  });

  it("names every import that cannot work, beside what else is wrong", () => {
    const at = { file: "driver.ts", line: 2, message: "no network" };
    const imports = [
      { specifier: "node:net", ...at },
      { specifier: "node:tls", ...at, line: 3 },
    ];
    expect(collectErrors(findings({ imports, surface: surface({ methods: { test_connection: 0 } }) }))).toEqual({
      import_error: { ...at, imports },
      capability_mismatch: [{ capability: "light.power", message: "expected a method light_power, got none" }],
    });
    const importError = { message: "Error: boom" };
    expect(collectErrors(findings({ imports, surface: surface({ importError }) }))).toEqual({
      import_error: { ...importError, imports },
    });
  });

  it("is the import's failure alone when the module cannot be loaded", () => {
    const importError = { message: "Error: boom", file: "driver.ts", line: 3 };
    expect(collectErrors(findings({ surface: surface({ methods: {}, importError }) }))).toEqual({
      import_error: importError,
    });
  });

  it("accepts an older core version and a pre-release of ours", () => {
    expect(
      collectErrors(findings({ document: { ...smallManifest(), min_core_version: "1.0.0-rc.1" } as never })),
    ).toEqual({});
  });
});

describe("an invalid manifest on view", () => {
  it("keeps what has the expected form and leaves out the rest", () => {
    const document = {
      ...smallManifest(),
      name: 5,
      driver: [],
      defaults: { http: "fast" },
      requires: { node: ">=20" },
      capabilities: [{ id: "a", verbs: ["on"], targets: ["x"] }, { id: "b" }, 7],
    } as never;
    const { problems } = checkManifest(document);
    expect(presentable("acme.lamp", document, problems)).toMatchObject({
      id: "acme.lamp",
      name: "acme.lamp",
      version: "1.0.0",
      driver: { entrypoint: "" },
      capabilities: [{ id: "a", verbs: ["on"], targets: ["x"] }],
      requires: { node: ">=20" },
    });
    expect(presentable("acme.lamp", document, problems).defaults).toBeUndefined();
    expect(
      presentable("x", { capabilities: 5, schema: 7 }, [{ pointer: "/schema", message: "" }]).capabilities,
    ).toEqual([]);
  });
});
