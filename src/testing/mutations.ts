/** Answers that no device should give, and lists longer than any: made from recorded ones. */
import type { Json, JsonObject } from "../model/json.ts";
import { numbered } from "./numbered.ts";
import { noRows, nulledRows, turnedRows } from "./snmp-rows.ts";

/** What stands in the place of an answer; the recorded one shows its form. */
export interface Mutation {
  readonly name: string;
  mutate(answer: Json): Json;
  /** The first answer of a call alone: a sandbox holds no more of the kind. */
  readonly isOnce?: true;
}

const parsed = (text: unknown): Json | undefined => {
  if (typeof text !== "string" || !/^\s*[[{"\d]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>";

const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every text of an answer that came from the device: bodies, outputs, lines, values of rows. */
const withTexts = (answer: Json, change: (text: string) => string): Json => {
  if (typeof answer === "string") return change(answer);
  if (Array.isArray(answer)) return answer.map((item) => withTexts(item, change));
  if (!isObject(answer)) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([name, member]) => [name, name === "headers" ? member : withTexts(member, change)]),
  );
};

const isHttp = (answer: Json): answer is JsonObject & { body: string } =>
  isObject(answer) && typeof answer["body"] === "string" && typeof answer["status"] === "number";

/** A body in the place of the body of an http answer; elsewhere the same words in the place of every text. */
const withBody = (answer: Json, body: string, type: string): Json => {
  if (!isHttp(answer)) return withTexts(answer, () => body);
  return { ...answer, status: 200, headers: { "content-type": type }, body };
};

const json = "application/json";

/** One text that is very long: more than the transports let through would be no answer of a device. */
const withOneText = (answer: Json, body: string): Json => {
  let isDone = false;
  return withTexts(answer, (text) => {
    if (isDone) return text;
    isDone = true;
    return body;
  });
};

/** Everything of another type than it was: texts as numbers, numbers as texts, lists as objects, objects as lists. */
const turned = (value: Json): Json => {
  if (typeof value === "string") return 42;
  if (typeof value === "number") return { number: String(value) };
  if (typeof value === "boolean") return "perhaps";
  if (value === null) return [null];
  if (Array.isArray(value)) return value.map(turned);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, turned(member)]));
};

const containersTurned = (value: Json): Json => {
  if (Array.isArray(value)) return { "0": value[0] ?? null };
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, isObject(member) ? [member] : containersTurned(member)]),
  );
};

const nulled = (value: Json): Json => {
  if (!isObject(value)) return Array.isArray(value) ? value.map(nulled) : null;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nulled(member)]));
};

/** Documents and rows have a form that can be wrong; a text that has none is garbage instead. */
const reshaped = (
  name: string,
  reshape: (value: Json) => Json,
  reshapeRows: (answer: Json) => Json | undefined,
): Mutation => ({
  name,
  mutate: (answer) => {
    if (!isHttp(answer)) return reshapeRows(answer) ?? withTexts(answer, () => "\u0000\ufffd{");
    const document = parsed(answer.body);
    return withBody(answer, document === undefined ? "{" : JSON.stringify(reshape(document)), json);
  },
});

const depth = 2_000;
const megabyte = 1024 * 1024;

const oversized = (answer: Json): Json => {
  const long = "x".repeat(8 * megabyte);
  return isHttp(answer) ? withBody(answer, JSON.stringify({ data: long }), json) : withOneText(answer, long);
};

export const hostileMutations: readonly Mutation[] = [
  { name: "HTML instead of data", mutate: (answer) => withBody(answer, page, "text/html") },
  { name: "nothing", mutate: (answer) => withBody(answer, "", json) },
  { name: "half an answer", mutate: (answer) => withTexts(answer, (text) => text.slice(0, text.length / 2)) },
  { name: "null", mutate: (answer) => withBody(answer, "null", json) },
  { name: "an empty list", mutate: (answer) => withBody(answer, "[]", json) },
  { name: "an empty object", mutate: (answer) => withBody(answer, "{}", json) },
  reshaped("values of other types", turned, turnedRows),
  reshaped("lists as objects and objects as lists", containersTurned, noRows),
  reshaped("null everywhere", nulled, nulledRows),
  { name: "thousands of levels", mutate: (answer) => withBody(answer, "[".repeat(depth) + "]".repeat(depth), json) },
  { name: "8 MiB of one text", mutate: (answer) => oversized(answer), isOnce: true },
];

/** One list may hold things of several kinds: those with the same members are alike. */
const formOf = (item: JsonObject): string => `${String(item["type"] ?? "")} ${Object.keys(item).sort().join()}`;

/** Differs from item to item too, and is no name: a copy has the time of its model. */
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** Members whose values tell the items of a list apart. */
const identifying = (items: readonly JsonObject[]): ReadonlySet<string> => {
  const names = Object.keys(items[0] ?? {});
  const isScalar = (value: unknown): boolean =>
    typeof value === "number" || (typeof value === "string" && !isTime.test(value));
  return new Set(
    names.filter((name) => {
      const values = items.map((item) => item[name]);
      if (!values.every(isScalar)) return false;
      return items.length > 1
        ? new Set(values).size === items.length
        : /id$|^name$|url$|^fingerprint$|^serial$/i.test(name);
    }),
  );
};

const copyOf = (item: JsonObject, ids: ReadonlySet<string>, round: number): JsonObject =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => {
      if (!ids.has(name)) return [name, value];
      return [name, numbered(typeof value === "number" ? value : String(value), round)];
    }),
  );

/** Items of which forms are copied; others stay as they are. */
type Copied = (form: string) => boolean;

const grownList = (items: readonly JsonObject[], length: number, isCopied: Copied): Json => {
  const copied = items.filter((item) => isCopied(formOf(item)));
  if (copied.length === 0) return [...items];
  const ids = new Map([...Map.groupBy(copied, formOf)].map(([form, alike]) => [form, identifying(alike)]));
  const copies = Array.from({ length: Math.max(0, length - items.length) }, (_, index) => {
    const item = copied[index % copied.length] ?? {};
    return copyOf(item, ids.get(formOf(item)) ?? new Set(), Math.floor(index / copied.length) + 1);
  });
  return [...items, ...copies];
};

/** The same document with every list of objects as long as this: copies with ids of their own. */
export const grown = (value: Json, length: number, isCopied: Copied = () => true): Json => {
  if (Array.isArray(value)) {
    const items = value.filter(isObject);
    return items.length === 0 || items.length !== value.length ? value : grownList(items, length, isCopied);
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, grown(member, length, isCopied)]));
};

const formsIn = (value: Json): readonly string[] => {
  if (Array.isArray(value)) return [...new Set(value.filter(isObject).map(formOf))];
  return isObject(value) ? Object.values(value).flatMap(formsIn) : [];
};

/** What a transport lets through is 16 MiB; lists are made as long as fits well below. */
const mostBytes = 12 * megabyte;
const lengths = [40_000, 20_000, 10_000, 5_000, 2_500] as const;

const longestOf = (document: Json, isCopied: Copied): string | undefined => {
  for (const length of lengths) {
    const body = JSON.stringify(grown(document, length, isCopied));
    if (body.length <= mostBytes) return body;
  }
  return undefined;
};

/** The forms of items that the lists of an http answer hold. */
export const formsOf = (answer: Json): readonly string[] =>
  formsIn(isHttp(answer) ? (parsed(answer.body) ?? null) : null);

/** An http answer with lists as long as one answer may hold; undefined when it holds no list of objects. */
export const grownAnswer = (answer: Json, isCopied: Copied = () => true): Json | undefined => {
  if (!isHttp(answer)) return undefined;
  const document = parsed(answer.body);
  const body = document === undefined ? undefined : longestOf(document, isCopied);
  return body === undefined || body === JSON.stringify(document) ? undefined : { ...answer, body };
};
