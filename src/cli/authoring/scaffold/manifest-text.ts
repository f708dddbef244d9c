/** The manifest of a new pack. */
import { editorFolder, schemaFile } from "../editor-files.ts";
import type { Choices, ChosenCapability } from "./choices.ts";
import { opposites } from "./states.ts";
import { textsOf } from "./transport.ts";

const inverses: Readonly<Record<string, string>> = Object.fromEntries(
  opposites.flatMap(([one, other]) => [
    [one, other],
    [other, one],
  ]),
);

/** Quoted: `on` is a truth value for many a reader. */
const quoted = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(", ");

const invertible = ({ verbs }: ChosenCapability): string[] => {
  const pairs = verbs.filter((verb) => verbs.includes(inverses[verb] ?? ""));
  const entries = pairs.map((verb) => `"${verb}": { inverse: "${inverses[verb]}" }`);
  return entries.length === 0 ? [] : [`    invertible: { ${entries.join(", ")} }`];
};

const capability = (chosen: ChosenCapability, { target, transport }: Choices): string => {
  const head = [`  - id: ${chosen.id}`, `    verbs: [${quoted(chosen.verbs)}]`, `    targets: [${target}]`];
  if (chosen.isRead) return head.join("\n");
  const writes = `    writes: [${JSON.stringify(textsOf[transport].writes(target))}]`;
  const dryRun = "    dry_run: required";
  return [...head, dryRun, ...invertible(chosen), `${writes}   # all that it may ever write`].join("\n");
};

const indented = (lines: readonly string[], by: number): string =>
  lines.map((line) => `${" ".repeat(by)}${line}`).join("\n");

export const manifestText = (choices: Choices): string => {
  const { id, name, category, className, language, transport, coreVersion, capabilities } = choices;
  const texts = textsOf[transport];
  return `# yaml-language-server: $schema=${editorFolder}/${schemaFile}
id: ${id}
name: ${JSON.stringify(name)}
version: 0.1.0
min_core_version: ${coreVersion}
category: ${category}
driver: { entrypoint: "driver:${className}"${language === "python" ? ", language: python" : ""} }

schema:
  connection:                           # what an instance is asked for
    type: object
    additionalProperties: false
    required: [${texts.required.join(", ")}]
    properties:
${indented(texts.fields, 6)}

transports:                             # how the runner reaches it; the driver has no network of its own
${indented(texts.block, 2)}

${texts.test}
capabilities:
${capabilities.map((one) => capability(one, choices)).join("\n")}
`;
};
