/** Redaction by value: secrets in every form they may take in a text. */
import { holdsHandle, maskOf, minSecretLength, replaceHandles } from "./handle.ts";
import type { Json } from "./json.ts";

export interface NamedSecret {
  readonly name: string;
  readonly value: string;
}

/** Replaces every known form of every secret in a text. Give it whole lines: a secret cut in two is not recognised. */
export type Redactor = (text: string) => string;

/** A form a secret may take, and whether it can be put back as it was (`plain`) or only be hidden. */
interface Form {
  readonly text: string;
  readonly name: string;
  readonly isPlain: boolean;
}

const lowerEscapes = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase());

const urlForms = (value: string): readonly string[] => {
  const component = value.isWellFormed() ? encodeURIComponent(value) : value;
  const form = new URLSearchParams([["", value]]).toString().slice(1);
  return [component, lowerEscapes(component), form, lowerEscapes(form)];
};

const escapedAgain = (text: string): string => JSON.stringify(text).slice(1, -1);

const jsonForms = (value: string): readonly string[] => {
  const escaped = JSON.stringify(value).slice(1, -1);
  const ascii = escaped.replaceAll(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  // A device that answers with what it was sent puts JSON into JSON.
  const [twice, thrice] = [escapedAgain(escaped), escapedAgain(escapedAgain(escaped))];
  return [escaped, ascii, escaped.replaceAll("/", "\\/"), twice, thrice, escapedAgain(ascii)];
};

const entities: readonly (readonly [string, string])[] = [
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
];

/** As an error page shows it; the apostrophe has several spellings. */
const markupForms = (value: string): readonly string[] => {
  const text = entities.reduce((escaped, [plain, entity]) => escaped.replaceAll(plain, entity), value);
  return ["'", "&#39;", "&#x27;", "&apos;"].map((spelling) => text.replaceAll("'", spelling));
};

const hexForms = (bytes: Buffer): readonly string[] => [bytes.toString("hex"), bytes.toString("hex").toUpperCase()];

/** Base64 at each of the three alignments: only the characters that no neighbouring byte can change. */
const base64Forms = (bytes: Buffer): readonly string[] =>
  [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
    const start = Math.ceil((shift * 8) / 6);
    const end = Math.floor(((shift + bytes.length) * 8) / 6);
    const core = text.slice(start, end);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });

/** Shorter lines stand in other texts as well. */
const minLineLength = 16;

/** The lines of a key or a file: events hold one each, and a device may end them otherwise. What frames a key is no secret. */
const lineForms = (value: string): readonly string[] => {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  if (lines.length === 1) return [];
  const telling = lines.filter((line) => line.length >= minLineLength && !line.startsWith("-----"));
  return telling.flatMap((line) => [line, escapedAgain(line)]);
};

const formsOf = ({ name, value }: NamedSecret): readonly Form[] => {
  const bytes = Buffer.from(value);
  const plain = new Set([value, ...urlForms(value), ...jsonForms(value), ...markupForms(value)]);
  const hidden = new Set([...hexForms(bytes), ...base64Forms(bytes), ...lineForms(value)]);
  return [
    ...[...plain].map((text) => ({ text, name, isPlain: true })),
    ...[...hidden].map((text) => ({ text, name, isPlain: false })),
  ];
};

const allForms = (secrets: readonly NamedSecret[]): readonly Form[] =>
  secrets
    .filter(({ value }) => value.length >= minSecretLength)
    .flatMap(formsOf)
    .sort((one, other) => other.text.length - one.text.length);

const replaceForms =
  (forms: readonly Form[], replacement: (form: Form) => string): Redactor =>
  (text) => {
    let clean = text;
    for (const form of forms)
      if (clean.includes(form.text)) clean = clean.replaceAll(form.text, () => replacement(form));
    return clean;
  };

/**
 * Replaces secrets of at least 8 characters - raw, URL-, JSON-, hex- and base64-encoded, at all three alignments, and
 * the longer ones of their lines - by `[secret:name]`; with `nameOfHandle` also the handles of an instance.
 */
export const createRedactor = (
  secrets: readonly NamedSecret[],
  nameOfHandle: (handle: string) => string | undefined = () => undefined,
): Redactor => {
  const replaceValues = replaceForms(allForms(secrets), ({ name }) => maskOf(name));
  return (text) => replaceHandles(replaceValues(text), (handle) => maskOf(nameOfHandle(handle) ?? "unknown"));
};

/** Puts handles in the place of secrets that a device echoes; forms that cannot be put back are hidden. */
export const createPutBack = (
  secrets: readonly NamedSecret[],
  handleOf: (name: string) => string | undefined,
): Redactor =>
  replaceForms(allForms(secrets), ({ name, isPlain }) => (isPlain ? handleOf(name) : undefined) ?? maskOf(name));

const isIdKey = (key: string): boolean => key === "id" || key.endsWith("_id");

/** Redacts every string of a document; keys, numbers and ids (members named `id` or `..._id`) stay as they are, unless a handle stands in them. */
export const redactJson = <T extends Json>(redact: Redactor, value: T): T => {
  const walk = (inner: Json, key: string): Json => {
    if (typeof inner === "string") return isIdKey(key) && !holdsHandle(inner) ? inner : redact(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map((item) => walk(item, key));
    return Object.fromEntries(
      Object.entries(inner).map(([name, member]) => [holdsHandle(name) ? redact(name) : name, walk(member, name)]),
    );
  };
  return walk(value, "") as T;
};
