/** What a new pack is to be: its author's choices, checked. */

import { isReadVerb } from "../../../model/manifest.ts";
import { categories, typeIdPattern } from "../../../model/manifest-schema.ts";
import { usage } from "../../failure.ts";
import { didYouMean } from "../../nearest.ts";
import { typeName } from "../driver-types.ts";

export const transportNames = ["http", "ssh", "snmp", "tcp"] as const;
export type TransportName = (typeof transportNames)[number];

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
export const checkedTarget = (word: string): string => {
  if (/^[a-z][a-z0-9_]{0,49}$/.test(word)) return word;
  throw usage(`${JSON.stringify(word)} cannot be a target type: expected letters, digits and _, such as lamp.`);
};

const capabilityPattern = /^([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?::([a-z][a-z0-9_]*(?:,[a-z][a-z0-9_]*)*))?$/;

/** `inventory.list`, `lamp.power:on,off`. @throws CliFailure */
export const checkedCapability = (text: string): ChosenCapability => {
  const [, id, verbs] = capabilityPattern.exec(text) ?? [];
  if (id === undefined) {
    throw usage(`${JSON.stringify(text)} is no capability: expected an id and its verbs, such as lamp.power:on,off.`);
  }
  const listed = [...new Set(verbs?.split(",") ?? (id === "inventory.list" ? ["list"] : ["set"]))];
  const reads = listed.filter(isReadVerb);
  if (reads.length > 0 && reads.length < listed.length) {
    throw usage(`${text}: ${reads.join(", ")} read and the others write; give each their own capability.`);
  }
  return { id, verbs: listed, isRead: reads.length > 0 };
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
export const usual = { category: "automation", transport: "http", target: "device" } as const;
