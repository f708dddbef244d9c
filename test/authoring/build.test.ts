/** `build <folder>`: an archive that an install takes, the same bytes from the same content, or no archive at all. */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArchive } from "../../src/packs/archive.ts";
import { buildArchive } from "../../src/packs/build.ts";
import { releaseDigest } from "../../src/packs/digest.ts";
import { publicText, signingKeyOf } from "../../src/packs/signature.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { httpPack } from "../kit/pack.ts";

interface Built {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly digest: string;
}

describe("build", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  it("writes the same bytes from the same content, whatever its times, modes, place and time zone", async () => {
    const files = { ...httpPack("acme.same"), "parsers/deep/a.ts": "export const a = 1;\n", "b.txt": "b" };
    const one = author.write("one", files);
    const other = author.write("elsewhere/other", Object.fromEntries(Object.entries(files).reverse()));
    utimesSync(join(other, "driver.ts"), 1, 1);
    chmodSync(join(other, "driver.ts"), 0o755);
    const zone = process.env["TZ"];
    const first = await author.json<Built>("build", "one", "--out", "one.int");
    process.env["TZ"] = "Pacific/Kiritimati";
    const second = await author.json<Built>("build", "elsewhere/other", "--out", "other.int").finally(() => {
      process.env["TZ"] = zone ?? "";
      if (zone === undefined) delete process.env["TZ"];
    });
    expect(readFileSync(second.file)).toEqual(readFileSync(first.file));
    const bytes = readFileSync(first.file);
    expect(first).toMatchObject({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
    const unpacked = await readArchive(bytes);
    expect(unpacked.map(({ path }) => path)).toEqual(["b.txt", "driver.ts", "parsers/deep/a.ts", "plugin.yaml"]);
    expect(releaseDigest(unpacked)).toBe(first.digest);
    expect(one).not.toBe(other);
  });

  it("puts entries in one order, whatever order they come in", async () => {
    const files = ["b", "a/c", "a", "é"].map((path) => ({ path, bytes: Buffer.from(path) }));
    expect(await buildArchive(files)).toEqual(await buildArchive(files.toReversed()));
  });

  it("leaves out what tools leave behind, and names the archive after the pack", async () => {
    const left = {
      ".git/HEAD": "x",
      "node_modules/axios/index.js": "x",
      "__pycache__/a.pyc": "x",
      ".switchyard/x.json": "{}",
    };
    author.write("tidy", { ...httpPack("acme.tidy"), ...left });
    const { code, out } = await author.run(["build", "tidy"]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("acme.tidy-1.0.0.int: 2 files") });
    const unpacked = await readArchive(readFileSync(join(author.home, "acme.tidy-1.0.0.int")));
    expect(unpacked.map(({ path }) => path)).toEqual(["driver.ts", "plugin.yaml"]);
  });

  it("squeezes what would be too large for an upload as it is", async () => {
    const repeated = Buffer.concat(
      Array.from({ length: 200 }, () => Buffer.concat([randomBytes(600), Buffer.alloc(60_000, 7)])),
    );
    author.write("large", { ...httpPack("acme.large"), "table.bin": repeated });
    const built = await author.json<Built>("build", "large");
    expect(built.bytes).toBeLessThan(1_000_000);
    const unpacked = await readArchive(readFileSync(built.file));
    expect(unpacked.find(({ path }) => path === "table.bin")?.bytes).toEqual(repeated);
  });

  it("builds nothing that an install would refuse for what the archive holds, and neither finds it valid", async () => {
    const cases: [string, Buffer, RegExp][] = [
      ["hollow", Buffer.alloc(40 * 1024 * 1024), /200 times the size.*archive_quota/],
      ["dense", randomBytes(11 * 1024 * 1024), /archive_too_large/],
    ];
    for (const [name, content, fault] of cases) {
      author.write(name, { ...httpPack(`acme.${name}`), "table.bin": content });
      const built = await author.run(["build", name, "--out", `${name}.int`]);
      expect(built).toEqual({
        code: 1,
        out: expect.stringMatching(fault),
        err: expect.stringContaining("Nothing was"),
      });
      expect(existsSync(join(author.home, `${name}.int`))).toBe(false);
      expect(await author.run(["validate", `./${name}`])).toMatchObject({ code: 1, out: expect.stringMatching(fault) });
    }
  });

  it.each([
    ["a manifest at fault", { ...httpPack("acme.bad", { version: "one" }) }, /plugin\.yaml:3:10: \/version/],
    [
      "a driver that cannot be loaded",
      { ...httpPack("acme.bad"), "driver.ts": "export const = 1;" },
      /driver\.ts:1: .*import_error/,
    ],
    ["no manifest", { "driver.ts": "x" }, /manifest_missing/],
  ])("builds nothing out of %s", async (name, files, fault) => {
    const folder = `bad ${name}`;
    author.write(folder, files);
    const { code, out, err } = await author.run(["build", folder, "--out", `${folder}.int`]);
    expect(code).toBe(1);
    expect(out).toMatch(fault);
    expect(err).toContain("Nothing was built.");
    expect(existsSync(join(author.home, `${folder}.int`))).toBe(false);
  });

  it("signs with an author's key, and refuses what a signature no longer fits", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    author.write(".", { "author.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString() });
    author.write("signed", httpPack("acme.signed"));
    const built = await author.json<Built & { signed_by: string }>("build", "signed", "--sign", "author.pem");
    expect(built.signed_by).toBe(publicText(privateKey));
    const files = await readArchive(readFileSync(built.file));
    expect(signingKeyOf(files)).toBe(built.signed_by);
    const changed = files.map(({ path, bytes }) => [path, path === "driver.ts" ? `${bytes} ` : Buffer.from(bytes)]);
    author.write("changed", Object.fromEntries(changed));
    expect(await author.run(["validate", "./changed"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("pack_signature_invalid"),
    });
    expect(await author.run(["build", "changed"])).toMatchObject({ code: 1 });
    expect(await author.run(["build", "changed", "--sign", "author.pem"])).toMatchObject({ code: 0 });
    const { code, err } = await author.run(["build", "signed", "--sign", "nowhere.pem"]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("openssl genpkey") });
  });

  it("puts the usual name into a folder that is there", async () => {
    author.write("placed", httpPack("acme.placed"));
    author.write("shelf", { "keep.txt": "" });
    const { file } = await author.json<Built>("build", "placed", "--out", "shelf");
    expect(file).toBe(join(author.home, "shelf/acme.placed-1.0.0.int"));
    expect(existsSync(file)).toBe(true);
  });

  it("refuses a name that no upload would take, and leaves no half of an archive", async () => {
    author.write("named", httpPack("acme.named"));
    expect(await author.run(["build", "named", "--out", "named.zip"])).toMatchObject({ code: 2 });
    expect(readdirSync(author.home).filter((name) => name.endsWith(".part") || name.endsWith(".zip"))).toEqual([]);
  });
});
