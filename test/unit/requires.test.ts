/** What a pack requires of the machine, and what of it is not there. */
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Requires } from "../../src/model/manifest.ts";
import { distributionsIn, meetsDependency } from "../../src/packs/python-packages.ts";
import { checkRequires, type Machine, thisMachine } from "../../src/packs/requires.ts";

let folder: string;
let machine: Machine;
const programVersion = async (path: string) => (path.endsWith("/bolt") ? "3.27.4" : null);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "requires-"));
  await writeFile(join(folder, "bolt"), "");
  await chmod(join(folder, "bolt"), 0o755);
  await writeFile(join(folder, "notes"), "");
  await writeFile(join(folder, "python3.11"), "");
  await chmod(join(folder, "python3.11"), 0o755);
  await symlink("python3.11", join(folder, "python3"));
  machine = { node: "26.10.0", platform: "linux", arch: "arm64", programFolders: [folder], programVersion };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const unmet = async (requires: Requires, paths: readonly string[] = []) =>
  (
    await checkRequires(
      requires,
      machine,
      paths.map((path) => ({ path, bytes: new Uint8Array() })),
    )
  ).map(({ requirement, message }) => `${requirement}: ${message}`);

describe("what a pack requires", () => {
  it("is met when there is nothing to ask", async () => {
    expect(await checkRequires(undefined, thisMachine(programVersion), [])).toEqual([]);
    expect(await unmet({ permissions: ["secrets:raw"] })).toEqual([]);
  });

  it.each<[Requires]>([
    [{ node: ">=20" }],
    [{ node: "^26.1" }],
    [{ python: ">=3.10,<4" }],
    [{ python: "~=3.8" }],
    [{ platform: ["darwin", "linux"] }],
    [{ platform: ["linux-arm64"] }],
    [{ programs: [{ name: "bolt" }] }],
    [{ programs: [{ name: "bolt", version: ">=3.20 <4" }] }],
  ])("is met by %j", async (requires) => {
    expect(await unmet(requires)).toEqual([]);
  });

  it.each<[Requires, string]>([
    [{ node: ">=99" }, "node: expected node >=99, got 26.10.0"],
    [{ node: "newest" }, 'node: expected a range of versions, got "newest"'],
    [{ python: ">=3.12" }, "python: expected python >=3.12, got 3.11"],
    [{ platform: ["win32"] }, "platform: expected one of win32, got linux-arm64"],
    [{ platform: ["linux-x64"] }, "platform: expected one of linux-x64, got linux-arm64"],
    [
      { programs: [{ name: "ansible-playbook" }] },
      "program:ansible-playbook: expected ansible-playbook to be installed, got none",
    ],
    [{ programs: [{ name: "notes" }] }, "program:notes: expected notes to be installed, got none"],
    [{ programs: [{ name: "bolt", version: ">=4" }] }, "program:bolt: expected bolt >=4, got 3.27.4"],
    [{ programs: [{ name: "bolt", version: "new" }] }, 'program:bolt: expected a range of versions, got "new"'],
    [{ wheelhouse: "wheels" }, "wheelhouse: expected a folder wheels in the pack, got none"],
    [
      { deps: ["no-such-thing-at-all"] },
      "dep:no-such-thing-at-all: expected no-such-thing-at-all to be installed, got none",
    ],
  ])("is not met by %j, which says what was expected", async (requires, message) => {
    expect(await unmet(requires)).toEqual([message]);
  });

  it("is not met by a program that does not tell its version", async () => {
    const [message] = await unmet({ programs: [{ name: "python3", version: ">=3" }] });
    expect(message).toBe(
      `program:python3: expected python3 >=3, got one at ${folder}/python3 that does not tell its version`,
    );
  });

  it("says everything at once", async () => {
    expect(await unmet({ node: ">=99", platform: ["win32"], programs: [{ name: "x" }, { name: "y" }] })).toHaveLength(
      4,
    );
  });

  it("takes wheels that the pack brings", async () => {
    const wheels = ["wheelhouse/Net_Miko-4.3.0-py3-none-any.whl"];
    expect(await unmet({ deps: ["net-miko>=4"], wheelhouse: "wheelhouse" }, wheels)).toEqual([]);
    expect(await unmet({ deps: [{ name: "net.miko", version: ">=5" }] }, wheels)).toEqual([
      "dep:net-miko: expected dep:net-miko >=5, got 4.3.0",
    ]);
  });
});

describe("installed Python packages", () => {
  it("are known by what their installers leave", () => {
    expect(distributionsIn(["PyYAML-6.0.dist-info", "Pygments-2.14.0.egg-info", "requests", "x.py"])).toEqual([
      { name: "pyyaml", version: "6.0" },
      { name: "pygments", version: "2.14.0" },
    ]);
  });
  it("meet a dependency without a version by being there", () => {
    expect(
      meetsDependency("PyYAML[fast]; python_version > '3'", [{ name: "pyyaml", version: "6.0" }], () => []),
    ).toEqual([]);
  });
});
