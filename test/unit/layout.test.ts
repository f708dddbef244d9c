/** Releases on disk: whole or not there, read-only, runnable without a build. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PackFile } from "../../src/model/integration-type.ts";
import { releaseDigest } from "../../src/packs/digest.ts";
import { layOut, removeLayout, sweepLayouts } from "../../src/packs/layout.ts";
import { isNameGone, nameOf, ownIdentity } from "../../src/sandbox/process-identity.ts";

const file = (path: string, text: string): PackFile => ({ path, bytes: Buffer.from(text) });
const files = [
  file("plugin.yaml", "id: acme.lamp\n"),
  file(
    "driver.ts",
    'import type { Config } from "./lib/config.ts";\nimport { port } from "./lib/config.ts";\nexport class Lamp { read(c: Config): number { return c.port ?? port; } }\n',
  ),
  file("lib/config.ts", "export interface Config { port?: number }\nexport const port: number = 80;\n"),
  file("types.d.ts", "export type X = 1;\n"),
  file("tool.mts", "export const n: number = 1;\n"),
  file("broken.ts", "enum A { B }\n"),
  file("both.ts", "export const from: string = 'ts';\n"),
  file("both.js", "export const from = 'own js';\n"),
];

let root: string;
const place = () => ({ root: join(root, "releases"), digest: releaseDigest(files), files });
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "layout-"));
});
afterEach(async () => {
  await removeLayout(place());
  await rm(root, { recursive: true, force: true });
});

describe("a release that is laid out", () => {
  it("lies under its digest with every file as it was", async () => {
    const dir = await layOut(place());
    expect(dir).toBe(join(root, "releases", releaseDigest(files)));
    for (const { path, bytes } of files)
      expect((await readFile(join(dir, path))).equals(Buffer.from(bytes))).toBe(true);
  });

  it("has its TypeScript without types beside the source, line by line the same", async () => {
    const dir = await layOut(place());
    const plain = await readFile(join(dir, "lib/config.js"), "utf8");
    expect(plain.split("\n")[1]).toMatch(/^export const port\s+= 80;$/);
    expect(await readFile(join(dir, "tool.mjs"), "utf8")).toContain("export const n");
    expect((await readdir(dir)).sort()).toEqual(
      [
        "both.js",
        "both.ts",
        "broken.ts",
        "driver.js",
        "driver.ts",
        "lib",
        "plugin.yaml",
        "tool.mjs",
        "tool.mts",
        "types.d.ts",
      ].sort(),
    );
    expect(await readFile(join(dir, "both.js"), "utf8")).toContain("own js");
  });

  it("may be read by everybody and written by nobody", async () => {
    const dir = await layOut(place());
    const mode = async (path: string) => ((await stat(join(dir, path))).mode & 0o777).toString(8);
    expect(await mode("driver.ts")).toBe("444");
    expect(await mode("lib")).toBe("555");
    expect(await mode(".")).toBe("555");
  });

  it("is left alone when it is there", async () => {
    const dir = await layOut(place());
    const before = (await stat(join(dir, "driver.js"))).ino;
    expect(await layOut(place())).toBe(dir);
    expect((await stat(join(dir, "driver.js"))).ino).toBe(before);
  });

  it("is one release when several ask for it at once", async () => {
    const dirs = await Promise.all(Array.from({ length: 5 }, () => layOut(place())));
    expect(new Set(dirs).size).toBe(1);
    expect(await readdir(join(root, "releases"))).toEqual([releaseDigest(files)]);
  });

  it("can be removed, twice", async () => {
    await layOut(place());
    await removeLayout(place());
    await removeLayout(place());
    expect(await readdir(join(root, "releases"))).toEqual([]);
  });

  it("leaves nothing behind when it cannot be written", async () => {
    const bad = { ...place(), files: [...files, file("lib", "a file where a folder is")] };
    await expect(layOut(bad)).rejects.toThrow();
    expect(await readdir(join(root, "releases"))).toEqual([]);
  });

  it("never leaves its folder, whatever it is called", async () => {
    await expect(layOut({ ...place(), digest: "../x" })).rejects.toThrow("digest");
    await expect(layOut({ ...place(), files: [file("../x", "")] })).rejects.toMatchObject({
      code: "archive_path_unsafe",
    });
  });
});

describe("the sweep at the start", () => {
  it("removes what a killed process left half done and what nobody knows", async () => {
    const dir = await layOut(place());
    const half = join(root, "releases/.staging-dead");
    await mkdir(half);
    await writeFile(join(half, "x"), "");
    const stray = await layOut({ ...place(), digest: "a".repeat(64) });
    const sweep = { root: join(root, "releases"), isKnown: (digest: string) => digest === releaseDigest(files) };
    await sweepLayouts({ ...sweep, before: Date.now() - 60_000 });
    expect((await stat(half)).isDirectory()).toBe(true);
    await sweepLayouts({ ...sweep, before: Date.now() + 1000 });
    await expect(stat(half)).rejects.toThrow();
    await expect(stat(stray)).rejects.toThrow();
    expect((await stat(dir)).isDirectory()).toBe(true);
    await sweepLayouts({ root: join(root, "nowhere"), before: Date.now() });
  });

  it("removes what a process that is gone left half done, however young, and nothing of a living one", async () => {
    const ended = spawn("true", { stdio: "ignore" });
    await once(ended, "exit");
    const own = ownIdentity();
    const releases = join(root, "releases");
    const [dead, living] = [`.staging-${nameOf({ ...own, pid: ended.pid ?? 0 })}.a1`, `.staging-${nameOf(own)}.b2`];
    for (const name of [dead, living, ".staging-.c3"]) await mkdir(join(releases, name), { recursive: true });
    await sweepLayouts({ root: releases, before: 0, isGone: isNameGone });
    expect((await readdir(releases)).sort()).toEqual([".staging-.c3", living].sort());
  });

  it("goes on when another sweep is quicker", async () => {
    const releases = join(root, "releases");
    for (let n = 0; n < 20; n += 1) await mkdir(join(releases, `.staging-x.${n}`, "a", "b"), { recursive: true });
    const sweep = () => sweepLayouts({ root: releases, before: 0, isGone: () => true });
    await Promise.all([sweep(), sweep(), sweep()]);
    expect(await readdir(releases)).toEqual([]);
  });
});
