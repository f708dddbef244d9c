/** What a new pack is to be: its author's choices, checked. */

import { isReadVerb } from "../../../model/manifest.ts";
import { categories, typeIdPattern } from "../../../model/manifest-schema.ts";
import { didYouMean } from "../../../model/nearest.ts";
import { usage } from "../../failure.ts";
import { typeName } from "../driver-types.ts";

export const transportNames = ["http", "ssh", "snmp", "tcp"] as const;
export type TransportName = (typeof transportNames)[number];

export const languageNames = ["typescript", "python"] as const;
export type LanguageName = (typeof languageNames)[number];

export interface ChosenCapability {
  readonly id: string;
  readonly verbs: readonly string[];
  /** Reads only: it is never planned and names no writes. */
  readonly isRead: boolean;
}

export interface Choices {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  /** What its driver and its test are written in. */
  readonly language: LanguageName;
  readonly transport: TransportName;
  /** What the pack lists and acts on: `lamp`. */
  readonly target: string;
  readonly capabilities: readonly ChosenCapability[];
  /** The driver's class. */
  readonly className: string;
  readonly coreVersion: string;
}

const chosenOf = <T extends string>(what: string, word: string, known: readonly T[]): T => {
  const found = known.find((one) => one === word);
  if (found !== undefined) return found;
  throw usage(`${what} ${word}: expected one of ${known.join(", ")}.`, didYouMean(word, known));
};

/** @throws CliFailure when no type can have this id. */
export const checkedId = (id: string): string => {
  if (new RegExp(typeIdPattern).test(id) && id.length <= 100) return id;
  const near = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, ".")
    .replaceAll(/^[.0-9]+|\.+$/g, "");
  throw usage(
    `${JSON.stringify(id)} cannot be an id: expected lower-case letters and digits, parts joined by dots, such as acme.lamp.`,
    near === "" ? [] : [`Did you mean ${near}?`],
  );
};
export const checkedCategory = (word: string): string => chosenOf("category", word, categories);
export const checkedTransport = (word: string): TransportName => chosenOf("transport", word, transportNames);
export const checkedLanguage = (word: string): LanguageName => chosenOf("language", word, languageNames);
export const checkedTarget = (word: string): string => {
  if (/^[a-z][a-z0-9_]{0,49}$/.test(word)) return word;
  throw usage(`${JSON.stringify(word)} cannot be a target type: expected letters, digits and _, such as lamp.`);
};

const capabilityPattern = /^([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?::([a-z][a-z0-9_]*(?:,[a-z][a-z0-9_]*)*))?$/;

/** `inventory.list`, `lamp.power:on,off`. @throws CliFailure */
export const checkedCapability = (text: string): ChosenCapability => {
  const [, id, verbs] = capabilityPattern.exec(text) ?? [];
  if (id === undefined) {
    const near = text
      .trim()
      .replaceAll(/ *([,:]) */g, "$1")
      .replaceAll(" ", ".");
    const isNear = near !== text && capabilityPattern.test(near);
    throw usage(
      `${JSON.stringify(text)} is no capability: expected an id and its verbs, such as lamp.power:on,off.`,
      isNear ? [`Did you mean ${near}?`] : [],
    );
  }
  const listed = [...new Set(verbs?.split(",") ?? (id === "inventory.list" ? ["list"] : ["set"]))];
  const reads = listed.filter(isReadVerb);
  if (reads.length > 0 && reads.length < listed.length) {
    throw usage(`${text}: ${reads.join(", ")} read and the others write; give each their own capability.`);
  }
  return { id, verbs: listed, isRead: reads.length > 0 };
};

export const isInventory = ({ id }: ChosenCapability): boolean => id === "inventory.list";

/** Words that a method in Python cannot be called, of those that an id may be. */
const pythonWords: ReadonlySet<string> = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);

/** @throws CliFailure when no driver in that language can have a method for one of them. */
export const checkedMethods = (
  language: LanguageName,
  capabilities: readonly ChosenCapability[],
): readonly ChosenCapability[] => {
  const clash = language === "python" ? capabilities.find(({ id }) => pythonWords.has(id)) : undefined;
  if (clash === undefined) return capabilities;
  throw usage(
    `${clash.id} is a word of Python, and no method has such a name: expected an id such as lamp.${clash.id}.`,
  );
};

/** There is always an inventory: targets are chosen from it. */
export const withInventory = (capabilities: readonly ChosenCapability[]): readonly ChosenCapability[] => {
  const distinct = [...new Map(capabilities.map((one) => [one.id, one])).values()];
  const isThere = distinct.some(({ id }) => id === "inventory.list");
  return isThere ? distinct : [checkedCapability("inventory.list"), ...distinct];
};

/** `acme.lamp` becomes `Acme lamp`. */
export const nameOf = (id: string): string => {
  const words = id.replaceAll(".", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
};

export const classNameOf = (id: string): string => `${typeName(id)}Driver`;

/** What is taken when nothing else was said. */
export const usual = { category: "automation", language: "typescript", transport: "http", target: "device" } as const;
