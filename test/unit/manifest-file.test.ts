/** The file plugin.yaml: one plain YAML mapping with a usable id, read in bounded time. */
import { describe, expect, it } from "vitest";
import { readManifestFile } from "../../src/packs/manifest-file.ts";
import { codeOf } from "../kit/code-of.ts";

const file = (path: string, text: string | Buffer = "") => ({ path, bytes: Buffer.from(text as string) });
const read = (text: string | Buffer) => readManifestFile([file("plugin.yaml", text)]);

describe("the manifest's file", () => {
  it("is read with its id and the places of its values", () => {
    const { id, document, placeAt } = read("# lamp\nid: acme.lamp\ncapabilities:\n  - id: a\n    verbs: [on]\n");
    expect(id).toBe("acme.lamp");
    expect(document["capabilities"]).toEqual([{ id: "a", verbs: ["on"] }]);
    expect(placeAt("/id")).toEqual({ line: 2, column: 5 });
    expect(placeAt("/capabilities/0/verbs")).toEqual({ line: 5, column: 12 });
    expect(placeAt("/capabilities/0/targets")).toEqual({ line: 4, column: 5 });
    expect(placeAt("/missing")).toEqual({ line: 2, column: 1 });
  });

  it("is missing when it is not at the top", () => {
    expect(codeOf(() => readManifestFile([file("driver.ts")]))).toBe("manifest_missing");
    expect(codeOf(() => readManifestFile([file("a/b/plugin.yaml", "id: x"), file("readme")]))).toBe("manifest_missing");
  });

  it("is refused when there are two", () => {
    const one = file("plugin.yaml", "id: x");
    expect(codeOf(() => readManifestFile([one, file("sub/plugin.yaml", "id: y")]))).toBe("manifest_invalid");
  });

  const bomb = Array.from({ length: 9 }, (_, level) =>
    level === 0
      ? "a0: &a0 [x,x,x,x,x,x,x,x,x]"
      : `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
  ).join("\n");

  it.each([
    ["nothing", ""],
    ["a text", "hello"],
    ["a list", "- id: x"],
    ["broken YAML", "id: [x"],
    ["a duplicate key", "id: x\nid: y"],
    ["two documents", "id: x\n---\nid: y"],
    ["an unknown tag", "id: !danger x"],
    ["binary data", "id: x\nblob: !!binary aGk="],
    ["an alias bomb", `id: x\n${bomb}`],
    ["an alias to itself", "id: x\na: &a [*a]"],
    ["a number that is none", "id: x\na: .nan"],
    ["a name of the language", "id: x\n__proto__: {a: 1}"],
    ["levels without end", `id: x\na: ${"[".repeat(5000)}${"]".repeat(5000)}`],
    ["bytes that are no UTF-8", Buffer.from([0x69, 0x64, 0x3a, 0x20, 0xff])],
    ["a megabyte", `id: x\n# ${"x".repeat(1024 * 1024)}`],
    ["an id that climbs", "id: ../x"],
    ["an id that is a path", "id: /etc/x"],
    ["an id that is a number", "id: 5"],
    ["an id that is a list", "id: [x]"],
    ["an id with a line end", 'id: "acme\\n"'],
    ["an id of 201 characters", `id: ${"a".repeat(201)}`],
  ])("is refused as %s", (_, text) => {
    expect(codeOf(() => read(text))).toBe("manifest_invalid");
  });

  it("is refused without an id", () => {
    expect(codeOf(() => read("name: x"))).toBe("manifest_id_missing");
    expect(codeOf(() => read("id:\nname: x"))).toBe("manifest_id_missing");
  });

  it.each([
    ["keys", Array.from({ length: 28_000 }, (_, index) => `k${index.toString(36)}: 1`).join("\n")],
    [
      "aliases",
      Array.from({ length: 8000 }, (_, index) => `k${index}: &a${index} 1\nl${index}: *a${index}`).join("\n"),
    ],
  ])("is read or refused in bounded time with a flood of %s", (_, flood) => {
    const started = performance.now();
    codeOf(() => read(`id: x\n${flood}`));
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it("says at which place it cannot be read", () => {
    expect(() => read("id: x\nname: y\nid: z")).toThrow(/line 3, column 1/);
  });
});
