/** Archives and folders of packs: what is read, and everything that is refused. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { readArchive } from "../../src/packs/archive.ts";
import { releaseDigest } from "../../src/packs/digest.ts";
import { readPackFolder } from "../../src/packs/pack-folder.ts";
import { makeZip, type ZipEntry } from "../kit/zip.ts";

const manifest = { name: "plugin.yaml", bytes: "id: acme.lamp\n" };
const driver = { name: "driver.ts", bytes: "export class Lamp {}\n" };
const paths = async (entries: readonly ZipEntry[]) => (await readArchive(makeZip(entries))).map(({ path }) => path);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error: { code?: string }) => error.code ?? String(error),
  );
const refused = (entries: readonly ZipEntry[], options = {}) => codeOf(readArchive(makeZip(entries, options)));

describe("an archive", () => {
  it("is read whole, packed or stored", async () => {
    const files = await readArchive(makeZip([manifest, { ...driver, method: 0 }, { name: "lib/a.ts", bytes: "" }]));
    expect(files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual([
      ["plugin.yaml", manifest.bytes],
      ["driver.ts", driver.bytes],
      ["lib/a.ts", ""],
    ]);
  });

  it("is read as a common zip program writes it", async () => {
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from(manifest.bytes), "plugin.yaml");
    zip.addBuffer(randomBytes(300_000), "data/größe.bin");
    zip.addEmptyDirectory("empty");
    zip.end();
    const files = await readArchive(await buffer(zip.outputStream as never));
    expect(files.map(({ path, bytes }) => [path, bytes.length])).toEqual([
      ["plugin.yaml", 14],
      ["data/größe.bin", 300_000],
    ]);
  });

  it("may have one folder around everything", async () => {
    expect(
      await paths([{ name: "acme/" }, { ...manifest, name: "acme/plugin.yaml" }, { ...driver, name: "acme/lib/x.ts" }]),
    ).toEqual(["plugin.yaml", "lib/x.ts"]);
    expect(await paths([{ ...manifest, name: "./plugin.yaml" }, { name: "./" }])).toEqual(["plugin.yaml"]);
  });

  it("keeps its folders when there are several", async () => {
    expect(await paths([{ name: "a/x" }, { name: "b/x" }])).toEqual(["a/x", "b/x"]);
  });

  it("loses what tools leave behind", async () => {
    const litter = [
      "__pycache__/a.pyc",
      "x/__pycache__/b",
      ".DS_Store",
      "__MACOSX/._plugin.yaml",
      "old.pyc",
      "._driver.ts",
      "Thumbs.db",
    ];
    expect(await paths([manifest, ...litter.map((name) => ({ name }))])).toEqual(["plugin.yaml"]);
  });

  it("has the same digest whatever the order and the packing, and another one for another content", async () => {
    const digest = async (entries: readonly ZipEntry[]) => releaseDigest(await readArchive(makeZip(entries)));
    const first = await digest([manifest, driver]);
    expect(await digest([{ ...driver, method: 0 }, manifest])).toBe(first);
    expect(
      await digest([
        { ...manifest, name: "p/plugin.yaml" },
        { ...driver, name: "p/driver.ts" },
      ]),
    ).toBe(first);
    expect(await digest([manifest, { ...driver, bytes: "export class Lamp{}\n" }])).not.toBe(first);
    expect(await digest([manifest, { ...driver, name: "driver.js" }])).not.toBe(first);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("an archive is refused as unsafe", () => {
  it.each([
    "../x",
    "a/../../x",
    "a/..",
    "/etc/passwd",
    "C:/x",
    "c:x",
    "a\\b",
    "..\\x",
    "a\0b",
    "a\nb",
    "a//b",
    "a/./b",
    "",
    "x".repeat(201),
    `${"d/".repeat(300)}x`,
  ])("with the path %j", async (name) => {
    expect(await refused([manifest, { name }])).toBe("archive_path_unsafe");
  });

  it("with an unsafe path even where files are ignored", async () => {
    expect(await refused([manifest, { name: "__pycache__/../../x.pyc" }])).toBe("archive_path_unsafe");
  });

  it.each([
    ["a symbolic link", 0o120777],
    ["a named pipe", 0o010644],
    ["a character device", 0o020644],
    ["a block device", 0o060644],
    ["a socket", 0o140644],
  ])("with %s", async (_, mode) => {
    expect(await refused([manifest, { name: "x", bytes: "/etc/passwd", mode }])).toBe("archive_path_unsafe");
  });

  it("with a hard link in the extra field of Unix archivers", async () => {
    const body = Buffer.concat([Buffer.alloc(12), Buffer.from("plugin.yaml")]);
    const extra = Buffer.concat([Buffer.from([0x0d, 0x00, body.length, 0x00]), body]);
    expect(await refused([manifest, { name: "x", extra }])).toBe("archive_path_unsafe");
  });
});

describe("an archive is refused as unsound", () => {
  const sound = makeZip([manifest, driver]);

  it.each([
    ["nothing at all", Buffer.alloc(0)],
    ["no zip", Buffer.from("this is a text, and a longish one at that")],
    ["a gzip", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])],
    ["the first half", sound.subarray(0, sound.length >> 1)],
    ["all but the last byte", sound.subarray(0, -1)],
    ["the second half", sound.subarray(sound.length >> 1)],
  ])("when it is %s", async (_, bytes) => {
    expect(await codeOf(readArchive(bytes))).toBe("archive_invalid");
  });

  it("when any byte in the middle of its content is another one", async () => {
    const bytes = makeZip([manifest, { name: "data.bin", bytes: randomBytes(4096), method: 0 }]);
    bytes[2000] = (bytes[2000] ?? 0) ^ 0xff;
    expect(await codeOf(readArchive(bytes))).toBe("archive_invalid");
  });

  it.each([
    ["a wrong checksum", [{ ...driver, crc: 1 }]],
    ["a size that is too small", [{ ...driver, size: 3 }]],
    ["a size that is too large", [{ ...driver, size: 300 }]],
    ["a stored size that is wrong", [{ ...driver, method: 0, size: 3 }]],
    ["an unknown packing", [{ ...driver, method: 12 }]],
    ["an encrypted entry", [{ ...driver, flags: 1 }]],
    ["a strongly encrypted entry", [{ ...driver, flags: 0x41 }]],
    ["a name that is no UTF-8", [{ name: Buffer.from([0xff, 0xfe]) }]],
    ["the same name twice", [driver, driver]],
    ["names that differ in case only", [driver, { name: "Driver.ts" }]],
    ["names that differ in composition only", [{ name: "gr\u00f6\u00dfe" }, { name: "gro\u0308\u00dfe" }]],
    ["a file that is also a folder", [{ name: "lib" }, { name: "lib/a.ts" }]],
  ])("with %s", async (_, entries) => {
    expect(await refused([manifest, ...entries])).toBe("archive_invalid");
  });

  it("when it announces fewer entries than it lists", async () => {
    expect(await refused([manifest, driver], { announced: 1 })).toBe("archive_invalid");
  });
  it("when it announces more entries than it lists", async () => {
    expect(await refused([manifest, driver], { announced: 3 })).toBe("archive_invalid");
  });
});

describe("an archive is refused for its size", () => {
  it("when it is larger than 10 MiB", async () => {
    expect(await codeOf(readArchive(Buffer.alloc(10 * 1024 * 1024 + 1)))).toBe("archive_too_large");
  });
  it("when it unpacks to 200 times its size", async () => {
    expect(await refused([manifest, { name: "zeros", bytes: Buffer.alloc(8 * 1024 * 1024) }])).toBe("archive_quota");
  });
  it("when it unpacks to more than 50 MiB", async () => {
    const block = randomBytes(1024 * 1024);
    const bytes = Buffer.concat(Array.from({ length: 26 }, () => block));
    const pad = { name: "pad", bytes: randomBytes(400_000), method: 0 };
    expect(await refused([manifest, pad, { name: "a", bytes }, { name: "b", bytes }])).toMatch(
      /archive_(quota|too_large)/,
    );
    expect(await refused([manifest, { name: "a", size: 51 * 1024 * 1024 }])).toBe("archive_quota");
  });
  it("when it has more than 2,000 entries", async () => {
    expect(await refused(Array.from({ length: 20_000 }, (_, index) => ({ name: `f${index}`, method: 0 })))).toBe(
      "archive_quota",
    );
    expect(await refused(Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}`, method: 0 })))).toBe(
      "accepted",
    );
  });
  it("before it is unpacked, however much a lying size hides", async () => {
    const bomb = { name: "bomb", bytes: Buffer.alloc(40 * 1024 * 1024), size: 10 };
    expect(await refused([manifest, bomb])).toBe("archive_invalid");
  });
});

describe("a folder with a pack", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "pack-folder-"));
    await mkdir(join(root, "lib/__pycache__"), { recursive: true });
    await writeFile(join(root, "plugin.yaml"), manifest.bytes);
    await writeFile(join(root, "driver.ts"), driver.bytes);
    await writeFile(join(root, "lib/__pycache__/x.pyc"), "litter");
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it("has the digest of the archive made of it", async () => {
    const files = await readPackFolder(root);
    expect(files.map(({ path }) => path)).toEqual(["driver.ts", "plugin.yaml"]);
    expect(releaseDigest(files)).toBe(releaseDigest(await readArchive(makeZip([manifest, driver]))));
  });

  it("is refused with a symbolic link, to a file or a folder", async () => {
    await symlink("/etc/passwd", join(root, "lib/p"));
    expect(await codeOf(readPackFolder(root))).toBe("archive_path_unsafe");
    await rm(join(root, "lib/p"));
    await symlink("/etc", join(root, "lib/e"));
    expect(await codeOf(readPackFolder(root))).toBe("archive_path_unsafe");
  });
});
