/** Which Python drivers run with: the usual one, or the newest beside it where that is too old. */
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findInterpreter, isRecentPython } from "../../src/packs/interpreter.ts";
import { checkInterpreter } from "../../src/packs/requires.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "interpreters-"));
});
afterEach(() => rm(folder, { recursive: true }));

const install = async (...versions: readonly string[]): Promise<void> => {
  for (const version of versions) {
    await writeFile(join(folder, `python${version}`), "");
    await chmod(join(folder, `python${version}`), 0o755);
  }
  await symlink(`python${versions[0]}`, join(folder, "python3"));
};

const machine = () => ({
  ...{ node: "26.10.0", platform: "linux", arch: "x64", programFolders: [folder] },
  programVersion: async () => null,
});
const unmet = (): readonly string[] =>
  checkInterpreter(machine()).map(({ requirement, message }) => `${requirement}: ${message}`);

describe("the Python of a machine", () => {
  it.each([
    [["3.11"], "3.11"],
    [["3.13", "3.14"], "3.13"],
    [["3.9", "3.11", "3.12"], "3.12"],
    [["3.9", "3.10"], "3.9"],
  ])("where there are %j is %s", async (versions, version) => {
    await install(...versions);
    expect(findInterpreter([folder])).toEqual({ path: join(folder, `python${version}`), version });
  });

  it("is none where there is none, or where its name does not tell its version", async () => {
    expect(findInterpreter([folder, join(folder, "absent")])).toBeUndefined();
    await writeFile(join(folder, "python3"), "");
    expect(findInterpreter([folder])).toBeUndefined();
  });

  it.each([
    ["3.10", false],
    ["3.11", true],
    ["3.20", true],
    ["2.12", false],
    ["4.0", false],
  ])("%s is recent enough: %s", (version, expected) => {
    expect(isRecentPython({ version })).toBe(expected);
  });

  it("that is too old or absent keeps a driver in Python from running, by its version", async () => {
    expect(unmet()).toEqual(["python: expected python >=3.11 for a driver in Python, got none: install python3"]);
    await install("3.9");
    expect(unmet()).toEqual(["python: expected python >=3.11 for a driver in Python, got 3.9"]);
    await install("3.12").catch(() => undefined);
    expect(unmet()).toEqual([]);
  });
});
