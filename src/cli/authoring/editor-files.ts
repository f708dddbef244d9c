/** What an author's editor needs on this machine: the manifest's schema, and what a driver may import of the runner. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Language } from "../../model/integration-type.ts";
import { manifestSchema } from "../../model/manifest-schema.ts";
import { withWords } from "./manifest-words.ts";

/** Never part of a pack. */
export const editorFolder = ".switchyard";
export const schemaFile = "plugin.schema.json";
const moduleFile = "switchyard.py";

/** The JSON Schema of `plugin.yaml`, as editors and validators take it. */
export const manifestSchemaDocument = () => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "plugin.yaml: the manifest of a Switchyard pack",
  ...withWords(manifestSchema),
});

const here = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const compilerOptions = () => ({
  target: "es2024",
  lib: ["es2024"],
  // Whatever package.json lies above the folder: a pack is made of modules.
  module: "preserve",
  moduleResolution: "bundler",
  noEmit: true,
  allowImportingTsExtensions: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  strict: true,
  skipLibCheck: true,
  types: ["node"],
  typeRoots: [here("node_modules/@types")],
  paths: { "switchyard/sdk": [here("src/sdk/index.ts")], "switchyard/testing": [here("src/testing/index.ts")] },
});

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What a driver's imports of the runner mean, in its language. */
const importsFile: Readonly<Record<Language, () => readonly [name: string, text: string]>> = {
  node: () => ["tsconfig.json", json({ compilerOptions: compilerOptions() })],
  python: () => [moduleFile, readFileSync(here(`src/sandbox/python/${moduleFile}`), "utf8")],
};

/** By their names below the pack's folder. */
export const editorFiles = (language: Language): Readonly<Record<string, string>> => {
  const [name, text] = importsFile[language]();
  return { [`${editorFolder}/${schemaFile}`]: json(manifestSchemaDocument()), [`${editorFolder}/${name}`]: text };
};

export const writeEditorFiles = (folder: string, language: Language): void => {
  mkdirSync(join(folder, editorFolder), { recursive: true });
  for (const [path, text] of Object.entries(editorFiles(language))) writeFileSync(join(folder, path), text);
};
