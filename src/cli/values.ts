/** `key=value` from the command line: typed by the schema that will check it, and secrets that never stand there. */
import { readFileSync } from "node:fs";
import type { Json, JsonObject } from "../model/json.ts";
import { didYouMean } from "../model/nearest.ts";
import { typedText } from "../model/typed-text.ts";
import { declined, usage } from "./failure.ts";
import type { Session } from "./session.ts";

const pairOf = (text: string, option: string): readonly [string, string] => {
  const equals = text.indexOf("=");
  if (equals < 1) throw usage(`Expected ${option} name=value, got ${JSON.stringify(text)}.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
};

const propertiesOf = (schema: JsonObject | undefined): Readonly<Record<string, JsonObject>> =>
  (schema?.["properties"] ?? {}) as Readonly<Record<string, JsonObject>>;

const isSecret = (schema: JsonObject | undefined): boolean => schema?.["secret"] === true;

interface Pairs {
  readonly pairs: readonly string[];
  readonly option: string;
  readonly schema: JsonObject | undefined;
}

const assertKnown = (name: string, { option, schema }: Pairs): void => {
  const properties = Object.keys(propertiesOf(schema));
  if (properties.includes(name) || schema?.["additionalProperties"] !== false) return;
  // A secret is given by an option of its own.
  const takes = properties.filter((one) => isSecret(propertiesOf(schema)[one]) === (option === "--secret"));
  throw usage(`${option} ${name}: expected one of ${takes.join(", ") || "none"}.`, didYouMean(name, properties));
};

/** @throws CliFailure for a pair that cannot be read, and for a secret among them. */
export const valuesOf = (given: Pairs): JsonObject => {
  const properties = propertiesOf(given.schema);
  const entries = given.pairs.map((text) => {
    const [name, value] = pairOf(text, given.option);
    assertKnown(name, given);
    if (isSecret(properties[name])) {
      throw usage(`${name} is a secret, and what stands on a command line is seen by others.`, secretForms(name));
    }
    return [name, typedText(value, properties[name])] as const;
  });
  return Object.fromEntries(entries);
};

const units: Readonly<Record<string, number>> = { s: 1, min: 60, m: 60, h: 3_600, d: 86_400 };

/** Date.parse alone takes a lone number for a month or a year. */
const dated = (text: string): number => (/^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN);

/** A point in time as the API takes it: as it was written, or so long ago, or from now when it is "to come".
 * @throws CliFailure when it is neither. */
export const timeOf = (text: string, now: number, way: "ago" | "to come" = "ago"): string => {
  const [, count, unit = ""] = /^(\d{1,6}) ?(s|min|m|h|d)$/.exec(text) ?? [];
  const span = Number(count) * (units[unit] ?? 0) * 1_000;
  const at = count === undefined ? dated(text) : way === "ago" ? now - span : now + span;
  if (!Number.isFinite(at))
    throw usage(`Expected a time such as 30min, 2h, 1d or 2026-11-21T06:00Z, got ${JSON.stringify(text)}.`);
  return new Date(at).toISOString();
};

const secretForms = (name: string): string[] => [
  `From a file: --secret ${name}=@path/to/file`,
  `From standard input, or typed unseen: --secret ${name}=-`,
];

const readSecretFile = (name: string, path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw usage(`--secret ${name}: the file ${path} cannot be read.`);
  }
};

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, "");

const readSecret = async ({ terminal }: Pick<Session, "terminal">, name: string, source: string): Promise<string> => {
  if (source === "-") {
    if (!terminal.canAsk) return withoutLineEnd(await terminal.readAll());
    const typed = await terminal.askSecret(`${name}: `);
    if (typed === undefined) throw declined("Nothing was done.");
    return typed;
  }
  if (source.startsWith("@") && source.length > 1) return withoutLineEnd(readSecretFile(name, source.slice(1)));
  throw usage(
    `--secret ${name}: a secret is never taken from the command line, where others can see it.`,
    secretForms(name),
  );
};

/** Where nothing comes, something before it in a pipe failed. @throws CliFailure */
const readSome = async (session: Pick<Session, "terminal">, name: string, source: string): Promise<string> => {
  const value = await readSecret(session, name, source);
  if (value !== "") return value;
  const place = source === "-" ? "on standard input" : `in ${source.slice(1)}`;
  throw usage(`--secret ${name}: expected a value ${place}, got nothing.`);
};

/** @throws CliFailure when a value stands on the command line, when there is none, and when the person leaves. */
export const secretsOf = async (session: Pick<Session, "terminal">, given: Pairs): Promise<JsonObject> => {
  const pairs = given.pairs.map((text) => pairOf(text, given.option));
  for (const [name] of pairs) assertKnown(name, given);
  if (pairs.filter(([, source]) => source === "-").length > 1 && !session.terminal.canAsk) {
    throw usage("Only one secret can come from standard input; give the others as name=@file.");
  }
  const properties = propertiesOf(given.schema);
  const secrets: Record<string, Json> = {};
  for (const [name, source] of pairs)
    secrets[name] = typedText(await readSome(session, name, source), properties[name]);
  return secrets;
};
