/** What a new pack is made of: words of its own verbs, secrets that are used, and what an editor needs. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { categories as manifestCategories } from "../../src/model/manifest-schema.ts";
import { readPack } from "../../src/recording/pack.ts";
import { openPack, type Simulated } from "../../src/testing/index.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { madeUpDevice, ownTests } from "../kit/made-up.ts";
import { canRunPython } from "../kit/python.ts";

const root = join(import.meta.dirname, "../..");

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** The properties that no words stand beside. */
const silentIn = (node: Schema | boolean | undefined, path: string): readonly string[] => {
  if (typeof node !== "object") return [];
  const { properties = {}, patternProperties = {}, items, additionalProperties } = node;
  const silent = Object.entries(properties).flatMap(([name, own]) => (own.description ? [] : [`${path}/${name}`]));
  const below = Object.entries({ ...properties, ...patternProperties });
  const deeper = below.flatMap(([name, own]) => silentIn(own, `${path}/${name}`));
  return [...silent, ...deeper, ...silentIn(items, path), ...silentIn(additionalProperties, path)];
};

describe("a new pack", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  describe.each(["typescript", "python"] as const)("a switch over SNMP, in %s", (language) => {
    const place = `toggle-${language}`;
    const { canRun } = { canRun: language === "typescript" || canRunPython };
    beforeAll(async () => {
      const kind = ["--transport", "snmp", "--language", language, "--target", "uplink"];
      const verbs = ["--capability", "uplink.admin:down,up"];
      expect(await author.run(["new", "acme.uplink", "--dir", place, ...kind, ...verbs])).toMatchObject({ code: 0 });
    });

    it.skipIf(!canRun)("is put up by up and down by down, and tells its state in these words", async () => {
      const folder = join(author.home, place);
      expect(await ownTests(folder)).toEqual({ isGood: true, detail: "" });
      await using pack = await openPack(folder);
      const device = madeUpDevice(folder);
      const listed = await pack.call("inventory_list type=uplink", device);
      expect(listed).toMatchObject([{ attrs: { state: "down" } }]);
      for (const [verb, value] of [
        ["up", 1],
        ["down", 2],
      ]) {
        const planned = await pack.call(`plan uplink.admin ${verb} uplink/1`, device);
        expect(planned).toMatchObject({
          plan: { steps: [{ set: [{ value }] }] },
          effects: { per_target: [{ to: verb }] },
        });
      }
    });

    it("is not reached without its community", async () => {
      const manifest = readFileSync(join(author.home, place, "plugin.yaml"), "utf8");
      expect(manifest).toContain("required: [hostname, snmp_community]");
    });
  });

  it("asks its author for a README, which check finds as long as it is not written", async () => {
    const words = ["new", "acme.unwritten", "--dir", "unwritten", "--transport", "tcp"];
    expect(await author.run(words)).toMatchObject({ code: 0 });
    const file = join(author.home, "unwritten/README.md");
    const documented = async () => {
      const { checks } = await author.json<{ checks: { name: string; outcome: string }[] }>("check", "unwritten");
      return checks.find(({ name }) => name === "documented")?.outcome;
    };
    expect(await documented()).toBe("missing");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(/^.*TO BE WRITTEN.*$/m, "It lists lamps. Tried on a Lamp 3."),
    );
    expect(await documented()).toBe("passed");
  }, 60_000);

  it.each([
    ["typescript", true],
    ["python", canRunPython],
  ])(
    "over tcp is connected to nothing that answers otherwise than its device would, in %s",
    async (language, canRun) => {
      if (!canRun) return;
      const place = `lines-${language}`;
      const words = ["new", "acme.lines", "--dir", place, "--transport", "tcp", "--language", language];
      expect(await author.run(words)).toMatchObject({ code: 0 });
      await using pack = await openPack(join(author.home, place));
      const device = madeUpDevice(join(author.home, place));
      const saying = (line: string): Simulated => ({
        ...device,
        answer: (request) =>
          (request as { op?: string }).op === "tcp.read_until" ? { lines: [line] } : device.answer(request),
      });
      expect(await pack.call("test_connection", device)).toMatchObject({ status: "connected" });
      for (const line of ["ERROR", "SSH-2.0-OpenSSH_9"]) {
        await expect(pack.call("test_connection", saying(line))).rejects.toMatchObject({ code: "protocol_mismatch" });
      }
    },
  );

  it("uses every secret that it asks for, a private key over ssh among them", async () => {
    for (const transport of ["http", "ssh", "snmp", "tcp"]) {
      await author.run(["new", "acme.used", "--dir", `used-${transport}`, "--transport", transport]);
      const manifest = readFileSync(join(author.home, `used-${transport}`, "plugin.yaml"), "utf8");
      const secrets = [...manifest.matchAll(/^ +([a-z_]+): \{ type: string, secret: true/gm)].map(([, name]) => name);
      expect(secrets, transport).not.toEqual([]);
      for (const name of secrets) expect(manifest, transport).toContain(`{secret:${name}}`);
      if (transport === "ssh") expect(secrets).toContain("private_key");
    }
  });

  it("asks a person for the id as well, and anybody else for an argument", async () => {
    const { code, err } = await author.run(["new"], { answers: ["Acme Lamp", "acme.asked", ...Array(6).fill("")] });
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/Did you mean acme\.lamp/) });
    expect(existsSync(join(author.home, "acme.asked/driver.ts"))).toBe(true);
    expect(await author.run(["new"])).toMatchObject({ code: 2, err: expect.stringMatching(/such as acme\.lamp/) });
  });

  it("lists the categories in its help", async () => {
    const { out } = await author.run(["new", "--help"]);
    for (const category of manifestCategories) expect(out.replaceAll(/\s+/g, " ")).toContain(category);
  });

  it("says of a folder that cannot be made that it cannot, in words", async () => {
    author.write(".", { plain: "a file" });
    const { code, err } = await author.run(["new", "acme.lost", "--dir", "plain/below"]);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/cannot be read or written.*file_unusable/) });
    expect(err).not.toContain("made a mistake");
  });

  it.skipIf(!canRunPython)(
    "tells editors what a driver in Python may import, exactly, and no pack carries it",
    async () => {
      await author.run(["new", "acme.typed", "--language", "python"]);
      const folder = join(author.home, "acme.typed");
      expect(readFileSync(join(folder, "pyproject.toml"), "utf8")).toMatch(/extraPaths = \["\.switchyard"\]/);
      const copy = join(folder, ".switchyard/switchyard.py");
      const script = `
import ast, importlib.util, inspect, sys
spec = importlib.util.spec_from_file_location("host", sys.argv[1]); host = importlib.util.module_from_spec(spec); spec.loader.exec_module(host)
host.offer_sdk()
import switchyard
ours = [one for one in ast.parse(open(sys.argv[2]).read()).body if isinstance(one, ast.ClassDef)]
offered = {name for name in vars(switchyard) if not name.startswith("_")}
assert {one.name for one in ours} == offered, offered
for one in ours:
    init = next(each for each in one.body if isinstance(each, ast.FunctionDef))
    assert [arg.arg for arg in init.args.args] == list(inspect.signature(getattr(switchyard, one.name).__init__).parameters)
`;
      const host = join(root, "src/sandbox/python/host.py");
      await promisify(execFile)("python3", ["-c", script, host, copy]);
      const paths = (await readPack(folder)).files.map(({ path }) => path);
      expect(paths.filter((path) => path.endsWith("switchyard.py"))).toEqual([]);
    },
  );

  it("has words for every field in the schema that editors use", async () => {
    const document = JSON.parse((await author.run(["schema", "manifest"])).out);
    expect(silentIn(document, "")).toEqual([]);
  });
});
