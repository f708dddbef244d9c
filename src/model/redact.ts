/** Redaction by value: secrets in every form they may take in a text. */
import { holdsHandle, maskOf, minSecretLength, replaceHandles } from "./handle.ts";
import type { Json } from "./json.ts";
import { gather } from "./pieces.ts";
import { coveredParts } from "./secret-cover.ts";

export interface NamedSecret {
  readonly name: string;
  readonly value: string;
}

/** Replaces every known form of every secret in a text. Give it whole lines: a secret cut in two is not recognised. */
export type Redactor = (text: string) => string;

/** A form a secret may take, and whether it can be put back as it was (`plain`) or only be hidden. */
interface Form {
  readonly text: string;
  readonly secret: NamedSecret;
  readonly isPlain: boolean;
}

const escapedOnce = (text: string): string => JSON.stringify(text).slice(1, -1);

/** As it is, and as JSON that has no choice writes it; a device that answers with what it was sent puts JSON into JSON. */
const jsonForms = (text: string): readonly string[] => {
  const once = escapedOnce(text);
  const twice = escapedOnce(once);
  return [text, once, twice, escapedOnce(twice)];
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
  return lines.filter((line) => line.length >= minLineLength && !line.startsWith("-----"));
};

const formsOf = (secret: NamedSecret): readonly Form[] => {
  const { value } = secret;
  const bytes = Buffer.from(value);
  // A form has "+" for a space.
  const plain = new Set([value, value.replaceAll(" ", "+"), ...markupForms(value)].flatMap(jsonForms));
  const hidden = new Set([...hexForms(bytes), ...base64Forms(bytes), ...lineForms(value).flatMap(jsonForms)]);
  return [
    ...[...plain].map((text) => ({ text, secret, isPlain: true })),
    ...[...hidden].map((text) => ({ text, secret, isPlain: false })),
  ];
};

/** The longest first. */
const allForms = (secrets: readonly NamedSecret[]): readonly Form[] =>
  secrets
    .filter(({ value }) => value.length >= minSecretLength)
    .flatMap(formsOf)
    .sort((one, other) => other.text.length - one.text.length);

const replaceForms =
  (forms: readonly Form[], replacement: (form: Form, found: string) => string): Redactor =>
  (text) => {
    const parts = coveredParts(text, forms);
    if (parts === undefined) return text;
    const pieces = gather();
    let done = 0;
    for (const { form, start, end } of parts) {
      pieces.add(text.slice(done, start));
      pieces.add(replacement(form, text.slice(start, end)));
      done = end;
    }
    pieces.add(text.slice(done));
    return pieces.text();
  };

/**
 * Replaces secrets of at least 8 characters - raw, in markup, hex- and base64-encoded, at all three alignments, and the
 * longer ones of their lines, each also with any of its characters escaped as in JSON or in URLs - by `[secret:name]`;
 * with `nameOfHandle` also the handles of an instance.
 */
export const createRedactor = (
  secrets: readonly NamedSecret[],
  nameOfHandle: (handle: string) => string | undefined = () => undefined,
): Redactor => {
  const replaceValues = replaceForms(allForms(secrets), ({ secret }) => maskOf(secret.name));
  return (text) => replaceHandles(replaceValues(text), (handle) => maskOf(nameOfHandle(handle) ?? "unknown"));
};

/** Puts handles in the place of secrets that a device echoes; forms that cannot be put back are hidden. */
export const createPutBack = (
  secrets: readonly NamedSecret[],
  handleOf: (name: string) => string | undefined,
): Redactor =>
  replaceForms(allForms(secrets), ({ secret, isPlain }, found) => {
    const shown = isPlain ? handleOf(secret.name) : undefined;
    // A driver that is given values reads the device's own words: a bare value would break the JSON around it.
    return shown === secret.value ? found : (shown ?? maskOf(secret.name));
  });

const isIdKey = (key: string): boolean => key === "id" || key.endsWith("_id");

/** What names are made of. A short secret of these may well be one: `password` as a key, `12345678` as an id. */
const likeName = /^[\w.:-]{1,15}$/;

/** Without handles, and without secrets that cannot be names by chance. */
const redactName = (redact: Redactor, name: string): string => {
  if (likeName.test(name)) return name;
  const clean = redact(name);
  if (clean === name || holdsHandle(name)) return clean;
  const start = clean.indexOf("[secret:");
  const rest = clean.length - clean.lastIndexOf("]") - 1;
  return start === -1 || likeName.test(name.slice(start, name.length - rest)) ? name : clean;
};

/**
 * Redacts every string of a document. Numbers stay as they are; so do keys and ids (members named `id` or `..._id`),
 * unless a handle stands in them or a secret that is no name: of 16 characters or more, or with other signs than names have.
 */
export const redactJson = <T extends Json>(redact: Redactor, value: T): T => {
  const walk = (inner: Json, key: string): Json => {
    if (typeof inner === "string") return isIdKey(key) ? redactName(redact, inner) : redact(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map((item) => walk(item, key));
    return Object.fromEntries(
      Object.entries(inner).map(([name, member]) => [redactName(redact, name), walk(member, name)]),
    );
  };
  return walk(value, "") as T;
};

/** Whether a text may read as another one. */
const mayHide = (text: string): boolean => text.includes("\\") || text.includes("%");

/** The same for large documents: most hold no secret, and one look at their whole text is far cheaper than one at each string. */
export const redactDocument = <T extends Json>(redact: Redactor, value: T): T => {
  const text = JSON.stringify(value);
  if (redact(text) !== text) return redactJson(redact, value);
  // As JSON, what is escaped in a string is escaped once more, and may be read one layer less deeply.
  if (!text.includes("\\\\") && !text.includes("%")) return value;
  return redactJson((inner) => (mayHide(inner) ? redact(inner) : inner), value);
};
