/** Redaction of secrets that a device says back as other encoders than ours write them. */
import { describe, expect, test } from "vitest";
import { createPutBack, createRedactor } from "../../src/model/redact.ts";

type Encoder = (text: string) => string;

const hex = (text: string, digits: number): string => text.charCodeAt(0).toString(16).padStart(digits, "0");
const inner: Encoder = (text) => JSON.stringify(text).slice(1, -1);
const escaping = (characters: RegExp, isUpper = false): Encoder => {
  const escaped: Encoder = (character) => `\\u${isUpper ? hex(character, 4).toUpperCase() : hex(character, 4)}`;
  return (text) => inner(text).replaceAll(characters, escaped);
};
const rawUrl: Encoder = (text) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${hex(character, 2).toUpperCase()}`);
const lowerCase = (encoder: Encoder): Encoder => {
  return (text) => encoder(text).replaceAll(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase());
};
const form: Encoder = (text) => new URLSearchParams([["", text]]).toString().slice(1);
const dotnet: Encoder = (text) =>
  inner(text)
    .replaceAll('\\"', "\\u0022")
    .replaceAll(/[<>&'+`\u007f-\uffff]/g, (character) => `\\u${hex(character, 4).toUpperCase()}`);
const go = escaping(/[<>&\u2028\u2029]/g);
const php: Encoder = (text) => escaping(/[\u0080-\uffff]/g)(text).replaceAll("/", "\\/");
const allUnits: Encoder = (text) => text.replaceAll(/[\s\S]/g, (unit) => `\\u${hex(unit, 4)}`);
const allBytes: Encoder = (text) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

const encoders: Readonly<Record<string, Encoder>> = {
  "JSON of JavaScript": inner,
  "JSON of Go": go,
  "JSON of .NET": dotnet,
  "JSON of PHP": php,
  "JSON of Python": escaping(/[\u0080-\uffff]/g),
  "JSON, every character escaped": (text) => allUnits(text),
  encodeURIComponent: encodeURIComponent,
  "RFC 3986": rawUrl,
  "RFC 3986 in lower case": lowerCase(rawUrl),
  "a form": form,
  "a form in lower case": lowerCase(form),
  "a URL, every byte escaped": allBytes,
  "JSON of Go in JSON of .NET": (text) => dotnet(go(text)),
  "JSON of PHP in JSON of PHP in JSON": (text) => inner(php(php(text))),
  "a URL in JSON of PHP": (text) => php(rawUrl(text)),
  "JSON of Go in a URL": (text) => rawUrl(go(text)),
  "a URL in a URL in JSON": (text) => go(rawUrl(rawUrl(text))),
};

const alphabet = [..."aZ09 <>&\"'+/\\!()*~%?#=:;,.-_{}\n\t\u00f6\u20ac", "\u{1f511}", "%41", "\\n", "\\u0041"];

/** The same secrets in every run. */
const secretsOf = (count: number): readonly string[] => {
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  return Array.from({ length: count }, () => {
    const middle = Array.from({ length: 8 + next(16) }, () => alphabet[next(alphabet.length)]).join("");
    return `q${middle}z`;
  });
};

describe.each(Object.entries(encoders))("a secret in %s", (_, encode) => {
  test("is hidden whole, with nothing around it", () => {
    for (const value of secretsOf(200)) {
      const clean = createRedactor([{ name: "t", value }]);
      expect(clean(`{"said":"before ${encode(value)} after"}`)).toBe('{"said":"before [secret:t] after"}');
    }
  });

  test("is hidden among text that is encoded as well", () => {
    for (const value of secretsOf(50)) {
      const clean = createRedactor([{ name: "t", value }]);
      const [before, after] = [encode('<a href="/x?y">'), encode("</a> 100 % \u00f6")];
      expect(clean(before + encode(value) + after)).toBe(`${before}[secret:t]${after}`);
    }
  });
});

const value = "Zq7<pass&word>+sl/ash!(x)~9c-UNIQUE";

test("a driver reads a handle in what Go and .NET answer, and JSON that is whole", () => {
  const back = createPutBack([{ name: "t", value }], () => "HANDLE");
  expect(JSON.parse(back(`{"said":"${go(value)}","again":"${dotnet(value)}"}`))).toEqual({
    said: "HANDLE",
    again: "HANDLE",
  });
});

test("base64 and lines of a secret are found in escaped text, too", () => {
  const encoded = Buffer.from("\u00ff\u00fe~>?\u00fb-secret-value").toString("base64");
  const clean = createRedactor([{ name: "t", value: "\u00ff\u00fe~>?\u00fb-secret-value" }]);
  expect(encoded).toContain("/");
  for (const encode of [php, rawUrl, dotnet]) expect(clean(encode(encoded))).toContain("[secret:t]");
  const lines = createRedactor([{ name: "k", value: "first\nthe second & longer line\nthird" }]);
  expect(lines(go("> the second & longer line"))).toBe("\\u003e [secret:k]");
});

test("a driver that is given the value reads the device's own words", () => {
  const odd = 'pass"word\\one';
  const back = createPutBack([{ name: "t", value: odd }], () => odd);
  const answer = `${JSON.stringify({ said: odd })} ${dotnet(odd)} ${odd}`;
  expect(back(answer)).toBe(answer);
});

test("a longer secret is hidden whole when a shorter one stands in it, whichever of them is escaped", () => {
  const clean = createRedactor([
    { name: "short", value: "password" },
    { name: "long", value: "password&more" },
  ]);
  expect(clean("password\\u0026more password p\\u0061ssword")).toBe("[secret:long] [secret:short] [secret:short]");
});

test.each([
  ["escapes", '{"a":"\\u003cb\\u003e \\/ \\n \\" \\\\","u":"%41%zz%C3%B6 100 %","cut":"\\u00'],
  ["what is no escape", "\\u00zz \\x %c3 %ff%fe %e2%82 \\ud83d %"],
  ["what ends in half an escape", "50%4"],
  ["part of a secret", go("Zq7<pass&word>+sl/ash!")],
])("a text with %s and without a secret stays as it is", (_, text) => {
  expect(createRedactor([{ name: "t", value }])(text)).toBe(text);
});
