/** A catalogue: made of archives, searched, installed from by name, and believed only as far as its checksums go. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Catalogue } from "../../src/cli/authoring/catalogue/document.ts";
import { publicText } from "../../src/packs/signature.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { httpPack } from "../kit/pack.ts";
import { type System, startSystem } from "../kit/system.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const key = publicText(privateKey);

describe("a catalogue", () => {
  let author: Author;
  let system: System;
  let environment: Record<string, string>;
  const shelf = (): string => join(author.home, "shelf");
  const catalogue = (): Catalogue => JSON.parse(readFileSync(join(shelf(), "index.json"), "utf8"));

  const build = async (id: string, version: string, ...more: string[]): Promise<void> => {
    const files = httpPack(id, { version, extra: `description: Switches ${id} on and off` });
    const folder = `${id}-${version}`;
    author.write(folder, files);
    const built = await author.run(["build", folder, "--out", `shelf/${folder}.int`, ...more]);
    expect(built).toMatchObject({ code: 0 });
  };

  beforeAll(async () => {
    author = openAuthor();
    mkdirSync(shelf());
    author.write(".", { "author.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString() });
    await build("acme.lamp", "1.0.0");
    await build("acme.lamp", "1.10.0", "--sign", "author.pem");
    await build("acme.lamp", "1.9.0");
    await build("acme.heater", "0.1.0");
    system = await startSystem({ env: { SWITCHYARD_TRUSTED_KEYS: `acme=${key}` } });
    environment = {
      SWITCHYARD_URL: system.url,
      SWITCHYARD_TOKEN: system.token,
      SWITCHYARD_CATALOG: "shelf/index.json",
      SWITCHYARD_TRUSTED_KEYS: `acme=${key}`,
    };
  }, 60_000);
  afterAll(async () => {
    await system?.dispose();
    author.dispose();
  });
  beforeEach(async () => {
    expect(await author.run(["index", "shelf"])).toMatchObject({ code: 0 });
  });

  const change = (act: (document: Catalogue & { packs: { versions: Record<string, unknown>[] }[] }) => void): void => {
    const document = JSON.parse(JSON.stringify(catalogue()));
    act(document);
    writeFileSync(join(shelf(), "index.json"), JSON.stringify(document));
  };

  it("lists each pack with its versions, the highest first, and is the same when made again", async () => {
    const before = readFileSync(join(shelf(), "index.json"));
    const { packs } = catalogue();
    expect(packs.map(({ id, versions }) => [id, versions.map(({ version }) => version)])).toEqual([
      ["acme.heater", ["0.1.0"]],
      ["acme.lamp", ["1.10.0", "1.9.0", "1.0.0"]],
    ]);
    expect(packs[1]?.versions[0]).toMatchObject({ core: ">=0.10.0", file: "acme.lamp-1.10.0.int", signed_by: key });
    expect(packs[1]?.versions[1]).toMatchObject({ signed_by: null });
    expect(await author.json("index", "shelf")).toMatchObject({ packs: 2, versions: 4 });
    expect(readFileSync(join(shelf(), "index.json"))).toEqual(before);
    expect(await author.json("index", "shelf", "--out", "above.json")).toMatchObject({ packs: 2 });
    const above = JSON.parse(readFileSync(join(author.home, "above.json"), "utf8")) as Catalogue;
    expect(above.packs[0]?.versions[0]?.file).toBe("shelf/acme.heater-0.1.0.int");
    expect(await author.run(["index", "shelf", "--out", "other/index.json"])).toMatchObject({ code: 2 });
  });

  it("is not made of archives that are none, or that say the same", async () => {
    mkdirSync(join(author.home, "bad/deep"), { recursive: true });
    const good = readFileSync(join(shelf(), "acme.lamp-1.0.0.int"));
    author.write("bad", { "a.int": good, "deep/b.int": good, "c.int": "no zip" });
    const { code, out } = await author.run(["index", "bad"]);
    expect(code).toBe(1);
    expect(out).toMatch(/bad\/c\.int: .*archive_invalid/);
    expect(out).toMatch(/bad\/deep\/b\.int: acme\.lamp 1\.0\.0 is in a\.int already/);
    expect(existsSync(join(author.home, "bad/index.json"))).toBe(false);
  });

  it("is searched by name, description and category, and shows who signed", async () => {
    const { out } = await author.run(["search", "LAMP"], { environment });
    expect(out).toMatch(/acme\.lamp\s+1\.10\.0\s+acme\s/);
    expect(out).not.toContain("acme.heater");
    const strange = await author.run(["search", "compute"], {
      environment: { ...environment, SWITCHYARD_TRUSTED_KEYS: "" },
    });
    expect(strange.out).toMatch(/a stranger/);
    expect(strange.out).toMatch(/acme\.heater\s+0\.1\.0\s+nobody/);
    const told = await author.run(["search", "heater", "--json"], { environment });
    expect(JSON.parse(told.out)).toMatchObject([{ id: "acme.heater", best: "0.1.0" }]);
    expect((await author.run(["search", "toaster"], { environment })).err).toMatch(/No pack of the catalogue/);
    expect(await author.run(["search", "lamp"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/SWITCHYARD_CATALOG/),
    });
  });

  it("installs the highest version that this runner can run, or the one that is asked for", async () => {
    const { out } = await author.run(["install", "acme.lamp", "--wait"], { environment });
    expect(out).toContain("acme.lamp 1.10.0 is valid");
    const { body } = await system.call("GET", "/api/integrations/types/acme.lamp");
    expect(body).toMatchObject({ version: "1.10.0", signed_by: "acme" });
    const older = await author.run(["install", "acme.lamp@1.9.0", "--replace", "--wait"], { environment });
    expect(older.out).toContain("acme.lamp 1.9.0 is valid");
    const again = await system.call("GET", "/api/integrations/types/acme.lamp");
    expect(again.body).toMatchObject({ version: "1.9.0", signed_by: null });
  });

  it("leaves out what is for other runners", async () => {
    change(({ packs }) => Object.assign(packs[1]!.versions[0]!, { core: ">=99.0.0" }));
    const { out } = await author.run(["search", "lamp"], { environment });
    expect(out).toMatch(/acme\.lamp\s+1\.9\.0\s+nobody/);
    change(({ packs }) => packs[1]!.versions.map((one) => Object.assign(one, { core: "<1.0.0" })));
    const none = await author.run(["install", "acme.lamp"], { environment });
    expect(none).toMatchObject({
      code: 4,
      err: expect.stringMatching(/no version for this version 1\.0\.0; there are/),
    });
  });

  it.each([
    [["install", "acme.lamb"], 4, /no pack acme\.lamb[\s\S]*Did you mean acme\.lamp/],
    [["install", "acme.lamp@3.0.0"], 4, /no version 3\.0\.0; there are 1\.10\.0/],
    [["install", "acme.lamp", "--catalog", "nowhere.json"], 1, /nowhere\.json: it cannot be read \(ENOENT\)/],
    [["install", "acme.lamp", "--catalog", "ftp://example/index.json"], 2, /https:\/\//],
    [["install", "acme.lamp", "--catalog", "http://127.0.0.1:10/index.json"], 1, /no answer \(ECONNREFUSED\)/],
  ])("says why not: %j", async (args, code, words) => {
    const told = await author.run(args, { environment });
    expect({ code: told.code, err: told.err }).toEqual({ code, err: expect.stringMatching(words) });
  });

  it("is asked when it is named, although a folder here has the name", async () => {
    const { SWITCHYARD_CATALOG: catalog = "", ...without } = environment;
    author.write("acme.lamp", { "notes.txt": "no pack" });
    const named = ["install", "acme.lamp@1.9.0", "--catalog", catalog, "--replace", "--wait"];
    expect((await author.run(named, { environment: without })).out).toContain("acme.lamp 1.9.0 is valid");
    const whole = ["install", "acme.lamp", "--catalog", "nowhere.json"];
    expect((await author.run(whole, { environment: without })).err).toMatch(/nowhere\.json: it cannot be read/);
    const here = await author.run(["install", "acme.lamp"], { environment: without });
    expect(here).toMatchObject({ code: 2, err: expect.stringMatching(/holds no plugin\.yaml/) });
    rmSync(join(author.home, "acme.lamp"), { recursive: true });
  });

  it("leaves a path a path when no catalogue is known", async () => {
    const { SWITCHYARD_CATALOG: _, ...without } = environment;
    const told = await author.run(["install", "acme.lamp"], { environment: without });
    expect(told).toMatchObject({ code: 2, err: expect.stringMatching(/no file or folder/) });
  });

  it.each<[string, () => void, RegExp]>([
    ["no JSON", () => writeFileSync(join(shelf(), "index.json"), '{"switchyard_index": 1, "pa'), /expected JSON/],
    [
      "another format",
      () => change((document) => Object.assign(document, { switchyard_index: 2 })),
      /expected the format 1, got 2/,
    ],
    ["a list", () => writeFileSync(join(shelf(), "index.json"), "[]"), /catalog_invalid/],
    [
      "no checksum",
      () => change(({ packs }) => Object.assign(packs[1]!.versions[0]!, { sha256: undefined })),
      /\/packs\/1\/versions\/0\/sha256/,
    ],
    [
      "a file elsewhere",
      () => change(({ packs }) => Object.assign(packs[1]!.versions[0]!, { file: "../x.int" })),
      /versions\/0\/file/,
    ],
    [
      "a range that is none",
      () => change(({ packs }) => Object.assign(packs[1]!.versions[0]!, { core: "new" })),
      /a range of versions/,
    ],
  ])("is refused with %s, at its place", async (_, corrupt, words) => {
    corrupt();
    const { code, err } = await author.run(["install", "acme.lamp"], { environment });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(words) });
  });

  it("is not believed against the archive itself", async () => {
    const path = join(shelf(), "acme.heater-0.1.0.int");
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.from(bytes).fill(1, bytes.length - 1));
    const changed = await author.run(["install", "acme.heater"], { environment });
    expect(changed).toMatchObject({ code: 1, err: expect.stringMatching(/sha256[\s\S]*Nothing was installed/) });
    writeFileSync(path, bytes);
    const [lamp] = catalogue().packs[1]!.versions.filter(({ version }) => version === "1.0.0");
    change(({ packs }) => Object.assign(packs[0]!.versions[0]!, { ...lamp, version: "0.1.0" }));
    const other = await author.run(["install", "acme.heater"], { environment });
    expect(other).toMatchObject({
      code: 1,
      err: expect.stringMatching(/expected acme\.heater 0\.1\.0, got acme\.lamp 1\.0\.0/),
    });
  });

  describe("at a URL", () => {
    let server: Server;
    let url: string;
    beforeAll(async () => {
      server = createServer((request, response) => {
        const path = join(author.home, decodeURIComponent(request.url ?? ""));
        if (!existsSync(path)) response.statusCode = 404;
        response.end(existsSync(path) ? readFileSync(path) : "");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/shelf/index.json`;
    });
    afterAll(() => void server.close());

    it("serves archives beside it", async () => {
      const args = ["install", "acme.heater", "--catalog", url, "--wait"];
      expect(await author.run(args, { environment })).toMatchObject({
        code: 0,
        out: expect.stringContaining("acme.heater 0.1.0 is valid"),
      });
      renameSync(join(shelf(), "acme.heater-0.1.0.int"), join(shelf(), "gone"));
      const gone = await author.run(["install", "acme.heater", "--catalog", url], { environment });
      renameSync(join(shelf(), "gone"), join(shelf(), "acme.heater-0.1.0.int"));
      expect(gone).toMatchObject({ code: 1, err: expect.stringMatching(/heater-0\.1\.0\.int: it answered with 404/) });
      expect(readdirSync(shelf())).not.toContain("gone");
    });
  });
});
