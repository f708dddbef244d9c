/** Where secrets stand in a text: all of them are found, nothing else is, and no text that a device sends takes long or much. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { createRedactor, redactDocument } from "../../src/model/redact.ts";
import { coveredParts } from "../../src/model/secret-cover.ts";

const nested = Array.from({ length: 64 }, (_, index) => ({ name: `c${index}`, value: "a".repeat(8 + index) }));
const megabytes = (piece: string, count: number): string => piece.repeat(Math.ceil((count * 1e6) / piece.length));

describe("the parts of a text that secrets cover", () => {
  /** Always the same. */
  const createDice = (start: number) => {
    let seed = start;
    return (sides: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * sides);
    };
  };

  /** Each part replaced by a sign that no form has. */
  const without = (text: string, parts: readonly { start: number; end: number }[]): string =>
    parts.toReversed().reduce((rest, { start, end }) => `${rest.slice(0, start)}|${rest.slice(end)}`, text);

  /** How far one comes from a place by forms that overlap or touch. */
  const reach = (text: string, forms: readonly { text: string }[], start: number): number => {
    let last = start;
    for (let at = start; at <= last; at += 1) {
      const ends = forms.filter((form) => text.startsWith(form.text, at)).map((form) => at + form.text.length);
      last = Math.max(last, ...ends);
    }
    return last;
  };

  it("are all of them, and nothing else, however they overlap", () => {
    const dice = createDice(7);
    const word = (length: number): string => Array.from({ length }, () => "abc"[dice(3)]).join("");
    for (let round = 0; round < 3_000; round += 1) {
      const forms = Array.from({ length: 1 + dice(4) }, () => ({ text: word(2 + dice(4)) }));
      forms.sort((one, other) => other.text.length - one.text.length);
      const text = word(dice(40));
      const parts = [...(coveredParts(text, forms) ?? [])];
      const rest = without(text, parts);
      const said = `${text} of ${forms.map((form) => form.text)}: ${rest}`;
      expect(
        forms.filter((form) => rest.includes(form.text)),
        said,
      ).toEqual([]);
      for (const { start, end } of parts) expect(reach(text, forms, start), said).toBeGreaterThanOrEqual(end);
    }
  });

  it("stay apart where they only touch, as a device echoes a value twice", () => {
    const parts = coveredParts("topsecrettopsecret", [{ text: "topsecret" }]);
    expect([...(parts ?? [])].map(({ start, end }) => [start, end])).toEqual([
      [0, 9],
      [9, 18],
    ]);
  });

  it("are the whole text where there are more than half a million", () => {
    const clean = createRedactor([{ name: "t", value: "password1" }]);
    expect(clean(`first ${"password1 ".repeat(500_001)}`)).toBe("[secret:t]");
    expect(clean(`first ${"password1 ".repeat(3)}`)).toBe(`first ${"[secret:t] ".repeat(3)}`);
  });
});

describe("a text of many megabytes", () => {
  const value = "Zq7<pass&word>+sl/ash\"\\'";
  const plain = [1, 2, 3, 4].map((index) => ({ name: `s${index}`, value: `${index}-${value}` }));
  const texts: readonly (readonly [string, string, typeof plain])[] = [
    ["escapes of PHP", '{"path":"\\/a\\/b","name":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},', plain],
    ["layers of backslashes", "\\u\\\\\\\\\\\\\\\\\\\\\\\\", plain],
    ["layers of percent signs", "%25252525252541", plain],
    ["many kinds of escapes", "%255c\\u0025\\\\\\\\%2525", plain],
    ["one secret", "password1", [{ name: "t", value: "password1" }]],
    ["secrets in secrets", "a", nested],
    ["secrets in secrets, escaped", "\\u0061", nested],
    ["secrets in secrets, in pieces", `${"a".repeat(141)}b`, nested],
  ];

  it.each(texts)("that is full of %s is searched in a time that grows with its length alone", (_, piece, secrets) => {
    const clean = createRedactor(secrets);
    const timeOf = (count: number): number => {
      const text = megabytes(piece, count);
      const from = performance.now();
      clean(text);
      return performance.now() - from;
    };
    timeOf(1.5);
    const [short, long] = [Math.max(5, timeOf(1.5), timeOf(1.5)), timeOf(12)];
    // Eight times as long: eight times the time, or sixty-four.
    expect(long / short).toBeLessThan(30);
  });

  it("needs little memory, whatever it is full of", () => {
    const script = `
      import { createRedactor } from ${JSON.stringify(new URL("../../src/model/redact.ts", import.meta.url).pathname)};
      for (const [piece, secrets] of ${JSON.stringify(texts.map(([, piece, secrets]) => [piece, secrets]))})
        createRedactor(secrets)(piece.repeat(Math.ceil(16e6 / piece.length)));
      console.log(process.resourceUsage().maxRSS);
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
    });
    expect(stderr).not.toContain("Error");
    expect(Number(stdout) / 1024).toBeLessThan(450);
  });
});

describe("a large document", () => {
  const clean = createRedactor([{ name: "t", value: "p&ssw<rd-1" }]);
  const escaped = "p\\u0026ssw\\u003crd-1";
  const thrice = JSON.stringify(JSON.stringify(escaped)).slice(2, -2);

  it.each([
    ["in an escaped string of a short one", { b: `{"pw":"${escaped}"}` }],
    ["in an escaped string of a long one", { b: `{"pw":"${escaped}"}`, pad: "x".repeat(1_100_000) }],
    ["three layers deep", { b: thrice }],
    ["in a URL", { b: "?p=p%26ssw%3Crd-1" }],
    ["beside a line end", { b: "p&ssw<rd-1\n" }],
  ])("holds no secret: %s", (_, document) => {
    const text = JSON.stringify(redactDocument(clean, document));
    expect(text).toContain("[secret:t]");
    expect(text).not.toContain("rd-1");
  });

  it("without one is left as it is", () => {
    const document = { a: "50 %", b: "C:\\temp", list: ["x", { "c/d": 1 }] };
    expect(redactDocument(clean, document)).toEqual(document);
  });
});
