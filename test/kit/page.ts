/** Pages of docs/ for tests that run what stands there: their blocks of code, in their order. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Block {
  /** What stands behind the fence: `sh`, `yaml`; empty where nothing does. */
  readonly language: string;
  readonly text: string;
}

const pageOf = (name: string): string => readFileSync(join(import.meta.dirname, "../../docs", `${name}.md`), "utf8");

export const blocksOf = (name: string): readonly Block[] =>
  [...pageOf(name).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));

/** The text of the page's only block in this language, or of the one that holds these words. */
export const blockOf = (name: string, language: string, words = ""): string => {
  const found = blocksOf(name).filter((block) => block.language === language && block.text.includes(words));
  const [block] = found;
  if (block === undefined || found.length > 1) {
    throw new Error(
      `Expected one block in ${language || "no language"} with "${words}" in ${name}.md, got ${found.length}.`,
    );
  }
  return block.text;
};

/** The commands of a block, without their prompts; a line that ends in `\` goes on in the next one. */
export const commandsOf = (text: string): readonly string[] =>
  text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/^\$ /, ""))
    .filter((line) => line.trim() !== "");

/** A command of a transcript, and what stands below it. */
export interface Said {
  readonly command: string;
  readonly output: string;
}

/** What was asked and said in a block of `$ command` lines. */
export const transcriptOf = (text: string): readonly Said[] =>
  text.split(/^\$ /m).flatMap((part) => {
    const [, command = "", output = ""] = /^((?:[^\n]*\\\n)*[^\n]*)\n([\s\S]*)$/.exec(part) ?? [];
    return command === "" ? [] : [{ command, output: output.trim() }];
  });
