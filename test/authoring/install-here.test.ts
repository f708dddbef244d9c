/** A folder in the making beside a running system: what validate says is what an install says, and changes install themselves. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Author, openAuthor, type Told } from "../kit/author.ts";
import { httpPack } from "../kit/pack.ts";
import { type System, startSystem } from "../kit/system.ts";

interface Validated {
  readonly errors: Readonly<Record<string, unknown>>;
  readonly release: { readonly digest: string };
}

interface InstallJob {
  readonly state: string;
  readonly error: { readonly code: string; readonly details: Validated } | null;
  readonly result: { readonly release: { readonly digest: string } } | null;
}

const installPhases = ["upload", "unpack", "manifest", "install", "registry", "final"];

describe("a folder beside a system", () => {
  let author: Author;
  let system: System;
  let environment: Record<string, string>;
  beforeAll(async () => {
    author = openAuthor();
    system = await startSystem();
    environment = { SWITCHYARD_URL: system.url, SWITCHYARD_TOKEN: system.token };
  }, 60_000);
  afterAll(async () => {
    await system?.dispose();
    author.dispose();
  });

  const install = async (...args: string[]): Promise<InstallJob> =>
    JSON.parse((await author.run(["install", ...args, "--wait", "--json"], { environment })).out);

  it.each([
    [
      "faults of its manifest",
      { "plugin.yaml": httpPack("acme.twin")["plugin.yaml"]?.replace("compute", "lamps") ?? "" },
    ],
    ["a driver that lacks methods", { "driver.ts": "export class TestDriver { vm_power(a, b) {} }" }],
    [
      "a driver that breaks",
      { "driver.ts": 'import net from "node:net";\nthrow new Error("boom");\nexport class TestDriver {}' },
    ],
    [
      "a version of the future",
      { "plugin.yaml": httpPack("acme.twin")["plugin.yaml"]?.replace("0.10.0", "99.0.0") ?? "" },
    ],
  ])("is told by validate what an install says of %s", async (name, wrong) => {
    author.write(`twin ${name}`, { ...httpPack("acme.twin"), ...wrong });
    const said = await author.json<Validated>("validate", `./twin ${name}`);
    const { error } = await install(`./twin ${name}`);
    expect(error).toMatchObject({ code: "pack_invalid" });
    expect(error?.details.errors).toEqual(said.errors);
  });

  it("is unpacked, read, laid out and looked at before the eyes of who installs it", async () => {
    author.write("watched", httpPack("acme.watched"));
    const { out } = await author.run(["install", "watched", "--watch", "--json"], { environment });
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { phase?: string; level?: string; message?: string; state?: string });
    expect(
      [...new Set(lines.flatMap(({ phase }) => phase ?? []))].filter((phase) => installPhases.includes(phase)),
    ).toEqual(installPhases);
    expect(lines).toContainEqual(
      expect.objectContaining({ phase: "unpack", message: expect.stringMatching(/^2 files, \d+ bytes/) }),
    );
    expect(lines.at(-1)).toMatchObject({ state: "succeeded" });
  });

  it("installs as a folder and as the archive that was built of it: one content", async () => {
    author.write("content", httpPack("acme.content"));
    const { file, digest } = await author.json<{ file: string; digest: string }>("build", "content");
    expect((await install("content")).result?.release.digest).toBe(digest);
    expect((await install(file)).result?.release.digest).toBe(digest);
  });

  describe("with --on-change", () => {
    let seen = "";
    const begin = (folder: string, signal: AbortSignal): Promise<Told> => {
      seen = "";
      const onText = (text: string): void => {
        seen += text;
      };
      return author.run(["install", folder, "--replace", "--on-change"], { environment, signal, onText });
    };
    const sees = (pattern: RegExp, times = 1): Promise<void> =>
      vi.waitFor(() => expect(seen.match(new RegExp(pattern, "g"))?.length ?? 0).toBeGreaterThanOrEqual(times), {
        timeout: 20_000,
        interval: 50,
      });
    const nameOf = async (): Promise<unknown> =>
      (await system.call("GET", "/api/integrations/types/acme.live")).body["name"];

    it("installs each change, tells faults and goes on, and ends with the person", async () => {
      const leaving = new AbortController();
      const pack = httpPack("acme.live");
      const folder = author.write("live", pack);
      const ended = begin("live", leaving.signal);
      await sees(/acme\.live 1\.0\.0 is valid/);
      await sees(/Installs again when/);

      writeFileSync(join(folder, "plugin.yaml"), pack["plugin.yaml"]?.replace("Test acme.live", "Second") ?? "");
      await sees(/Installs again when/, 2);
      expect(await nameOf()).toBe("Second");

      writeFileSync(join(folder, "driver.ts"), "export class TestDriver {\n  const = 1 +;\n}\n");
      await sees(/Installs again when/, 3);
      expect(seen).toMatch(/driver\.ts:2/);
      expect(await nameOf()).toBe("Second");

      mkdirSync(join(folder, "parsers"));
      writeFileSync(join(folder, "parsers/a.ts"), "export const a = 1;\n");
      writeFileSync(join(folder, "driver.ts"), pack["driver.ts"] ?? "");
      await sees(/Installs again when/, 4);
      writeFileSync(join(folder, "parsers/a.ts"), "export const a = 2;\n");
      await sees(/Installs again when/, 5);

      leaving.abort();
      expect(await ended).toMatchObject({ code: 0 });
    }, 60_000);

    it("grants by --yes what was asked for at first, and nothing that a change adds", async () => {
      const leaving = new AbortController();
      const asking = (...ports: number[]) =>
        httpPack("acme.widening", {
          extra: `requires: { permissions: [${ports.map((port) => `"net:http:10.0.0.${port}"`).join(", ")}] }`,
          transports: ports.map((port) => `  http.p${port}: { url: "http://10.0.0.${port}/api" }`).join("\n"),
          capabilities: "  - { id: inventory.list, verbs: [list], targets: [vm] }",
          driver: `  async test_connection() { return { status: "connected", latency_ms: ${ports.length} }; }\n  async inventory_list() { return []; }`,
        });
      const folder = author.write("widening", asking(7));
      seen = "";
      const ended = author.run(["install", "widening", "--replace", "--on-change", "--consent", "--yes"], {
        environment,
        signal: leaving.signal,
        onText: (text) => {
          seen += text;
        },
      });
      await sees(/acme\.widening 1\.0\.0 is valid/);
      await sees(/Installs again when/);
      writeFileSync(join(folder, "plugin.yaml"), asking(7)["plugin.yaml"]?.replace("Test acme.", "Second ") ?? "");
      await sees(/Installs again when/, 2);
      const installed = async () => (await system.call("GET", "/api/integrations/types/acme.widening")).body["name"];
      expect(await installed()).toBe("Second widening");
      writeFileSync(join(folder, "plugin.yaml"), asking(7, 8)["plugin.yaml"] ?? "");
      await sees(/Installs again when/, 3);
      expect(seen).toContain("consent_required");
      expect(await installed()).toBe("Second widening");
      leaving.abort();
      expect(await ended).toMatchObject({ code: 0 });
    }, 60_000);

    it("asks for --replace, for a folder, and for a server", async () => {
      author.write("asked", httpPack("acme.asked"));
      const { signal } = new AbortController();
      expect(await author.run(["install", "asked", "--on-change"], { environment })).toMatchObject({ code: 2 });
      expect(await begin("nowhere", signal)).toMatchObject({ code: 2 });
      const elsewhere = { ...environment, SWITCHYARD_URL: "http://127.0.0.1:9" };
      const args = ["install", "asked", "--replace", "--on-change"];
      expect(await author.run(args, { environment: elsewhere })).toMatchObject({ code: 5 });
    });

    it("ends when its folder is gone", async () => {
      const folder = author.write("going", httpPack("acme.going"));
      const ended = begin("going", new AbortController().signal);
      await sees(/Installs again when/);
      rmSync(folder, { recursive: true });
      expect(await ended).toMatchObject({ code: 2, err: expect.stringMatching(/expected a folder/) });
    }, 60_000);
  });
});
