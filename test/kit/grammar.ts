/** A grammar as the docs print it, and sentences made from it by chance. */
import type { Chance } from "./random.ts";

type Part =
  | { readonly kind: "word" | "rule"; readonly text: string }
  | { readonly kind: "one" | "maybe" | "many"; readonly of: readonly (readonly Part[])[] };

export type Grammar = ReadonlyMap<string, readonly (readonly Part[])[]>;

const kindOf = { "(": "one", "[": "maybe", "{": "many" } as const;

/** Reads alternatives up to a closing bracket or the end. */
const readChoices = (tokens: string[]): readonly (readonly Part[])[] => {
  const choices: Part[][] = [[]];
  for (;;) {
    const token = tokens.shift();
    if (token === undefined || [")", "]", "}"].includes(token)) return choices;
    if (token === "|") choices.push([]);
    else if (token === "(" || token === "[" || token === "{") {
      choices.at(-1)?.push({ kind: kindOf[token], of: readChoices(tokens) });
    } else if (token.startsWith('"')) choices.at(-1)?.push({ kind: "word", text: token.slice(1, -1) });
    else choices.at(-1)?.push({ kind: "rule", text: token });
  }
};

/** `name = "word" other | [ maybe ] | { again and again }`, one rule a line. */
export const grammarOf = (text: string): Grammar =>
  new Map(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const [name = "", ...rest] = line.match(/"[^"]*"|\w+|[()[\]{}|=]/g) ?? [];
        return [name, readChoices(rest.slice(1))] as const;
      }),
  );

/** Words of a sentence of `rule`; `leaves` makes what the grammar does not take apart. */
export const sentenceOf = (
  grammar: Grammar,
  chance: Chance,
  leaves: Readonly<Record<string, () => string>>,
  rule: string,
): readonly string[] => {
  let budget = 40;
  const ofChoices = (choices: readonly (readonly Part[])[]): readonly string[] => {
    budget -= 1;
    // The last choice of a rule is the one that leads on to nothing longer.
    const choice = budget > 0 ? chance.pick(choices) : (choices.at(-1) ?? []);
    return choice.flatMap(ofPart);
  };
  /** Of what may be left out or come again, nothing when the sentence is long enough. */
  const times = { one: () => 1, maybe: () => chance.below(2), many: () => chance.below(3) };
  const ofPart = (part: Part): readonly string[] => {
    if (!("of" in part)) return part.kind === "word" ? [part.text] : ofRule(part.text);
    const count = part.kind === "one" || budget > 0 ? times[part.kind]() : 0;
    return Array.from({ length: count }, () => ofChoices(part.of)).flat();
  };
  const ofRule = (name: string): readonly string[] => {
    const choices = grammar.get(name);
    if (choices !== undefined) return ofChoices(choices);
    const leaf = leaves[name];
    if (leaf === undefined) throw new Error(`The grammar uses ${name} and does not say what it is.`);
    return [leaf()];
  };
  return ofRule(rule);
};
