/** All files of a new pack, and how they come into a folder: all of them or none. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { checkManifest } from "../../../model/manifest-check.ts";
import { readManifestText } from "../../../packs/manifest-file.ts";
import { exitCodes } from "../../exit-codes.ts";
import { CliFailure } from "../../failure.ts";
import { driverTypes, driverTypesFile } from "../driver-types.ts";
import { editorFiles, editorFolder } from "../editor-files.ts";
import type { Choices, LanguageName } from "./choices.ts";
import { driverText } from "./driver-text.ts";
import { madeUpFile } from "./made-up.ts";
import { manifestText } from "./manifest-text.ts";
import { pythonDriverText } from "./python/driver-text.ts";
import { pythonTestText } from "./python/test-text.ts";
import { readmeText } from "./readme-text.ts";
import { madeUpText } from "./recording-text.ts";
import { testText } from "./test-text.ts";

const tsconfig = { extends: `./${editorFolder}/tsconfig.json`, include: ["**/*.ts"] };

const pyproject = `# Where editors and type checkers find what a driver may import of the runner.
[tool.pyright]
extraPaths = ["${editorFolder}"]

[tool.mypy]
mypy_path = "${editorFolder}"
`;

const typesOf = (manifest: string): string => {
  const { document } = readManifestText([{ path: "plugin.yaml", bytes: Buffer.from(manifest) }]);
  const { manifest: checked, problems } = checkManifest(document);
  if (checked === undefined) throw new Error(`the new manifest is at fault: ${JSON.stringify(problems)}`);
  return driverTypes(checked);
};

type Files = Readonly<Record<string, string>>;

/** The driver, its test, and what their language asks for. */
const filesOf: Readonly<Record<LanguageName, (choices: Choices, manifest: string) => Files>> = {
  typescript: (choices, manifest) => ({
    "driver.ts": driverText(choices),
    [driverTypesFile]: typesOf(manifest),
    "test/driver.test.ts": testText(choices),
    "tsconfig.json": `${JSON.stringify(tsconfig, null, 2)}\n`,
    ".gitignore": `${editorFolder}/\n*.int\n`,
    ...editorFiles("node"),
  }),
  python: (choices) => ({
    "driver.py": pythonDriverText(choices),
    "test/test_driver.py": pythonTestText(choices),
    "pyproject.toml": pyproject,
    ".gitignore": `${editorFolder}/\n*.int\n__pycache__/\n`,
    ...editorFiles("python"),
  }),
};

/** By their names below the pack's folder. */
export const scaffoldFiles = (choices: Choices): Files => {
  const manifest = manifestText(choices);
  return {
    "plugin.yaml": manifest,
    [madeUpFile]: madeUpText(choices),
    "README.md": readmeText(choices),
    ...filesOf[choices.language](choices, manifest),
  };
};

const isTaken = (folder: string): boolean => {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found !== undefined && !(found.isDirectory() && readdirSync(folder).length === 0);
};

/** @throws CliFailure when something is there already. */
export const assertFree = (folder: string): void => {
  if (!isTaken(folder)) return;
  const problem = { title: "There is something already", detail: `${folder} is there already: nothing was written.` };
  throw new CliFailure(exitCodes.failed, { ...problem, code: "folder_taken" }, ["Name another folder with --dir."]);
};

/** Written beside it and then moved: nobody meets half a pack. */
export const writeScaffold = (folder: string, files: Readonly<Record<string, string>>): void => {
  mkdirSync(dirname(folder), { recursive: true });
  const draft = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
  try {
    const pack = join(draft, "pack");
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(pack, path)), { recursive: true });
      writeFileSync(join(pack, path), text);
    }
    assertFree(folder);
    renameSync(pack, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
};
