/** The condition of a manifest's http test. */
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { compileSuccessWhen } from "../../src/model/success-when.ts";
import { grammarOf, sentenceOf } from "../kit/grammar.ts";
import { blockOf } from "../kit/page.ts";
import { chanceFrom } from "../kit/random.ts";

const answer = {
  status: 200,
  body: {
    data: { version: "8.1", release: 9, tags: ["a", "b"], "odd name": { deep: true }, none: null },
    list: [{ id: 7 }],
  },
};
const holds = (text: string, facts: { status: number; body: unknown } = answer) => compileSuccessWhen(text)(facts);

describe("success_when", () => {
  it.each([
    "status == 200",
    "status>=200 and status < 300",
    "status in [200, 204]",
    'body.data.version == "8.1"',
    "body.data.version == '8.1'",
    "body.data.release > 8",
    'body.data.tags == ["a", "b"]',
    'body.data["odd name"].deep == true',
    "body.list.0.id == 7",
    "body.list[0].id == 7",
    "body.data.none == null",
    "status == 500 or status == 200",
    "not status == 500",
    "not (status == 500 or status == 404) and body.data.release == 9",
    'body.data.version in ["7.4", "8.1"]',
    "body.absent != 1",
    "not body.absent == 1",
    "status == 404 and status == 200 or status == 200",
  ])("holds: %s", (text) => expect(holds(text)).toBe(true));

  it.each([
    "status == 201",
    'status == "200"',
    "body.absent == 1",
    "body.absent < 1",
    "body.data.version > 8",
    "body.data.version in []",
    "status == 200 and (status == 404 or status == 500)",
    "body.constructor != null and body.constructor == 1",
    "body.data.toString.name == 'toString'",
  ])("does not hold: %s", (text) => expect(holds(text)).toBe(false));

  it("asks a text body as a whole", () => {
    expect(holds('body == "OK"', { status: 200, body: "OK" })).toBe(true);
    expect(holds("body.x == 1", { status: 200, body: undefined })).toBe(false);
  });

  it.each([
    ["", "expected status or body.<path> at column 1, got the end"],
    ["status", "expected == != < <= > >= or in at column 7, got the end"],
    ["status = 200", "expected == != < <= > >= or in at column 8, got ="],
    ["status == ", "expected a number, a text in quotes or a list at column 11, got the end"],
    ["status == 200 && status == 1", "expected and, or or the end at column 15, got &"],
    ["(status == 200", "expected ) at column 15, got the end"],
    ["headers.x == 1", "expected status or body.<path> at column 1, got headers"],
    ["status in 200", "expected a list after in at column 14, got the end"],
    ["body..x == 1", "expected a name after the dot at column 6, got ."],
    ["process.exit(1)", "expected status or body.<path> at column 1, got process"],
    ['body.x == "open', 'expected a number, a text in quotes or a list at column 11, got "'],
  ])("refuses %j and says where", (text, message) => {
    expect(() => compileSuccessWhen(text)).toThrow(new SwitchyardError("validation_failed", { detail: message }));
  });

  it("is bounded in length and depth", () => {
    expect(() => compileSuccessWhen("(".repeat(500))).toThrow("fewer brackets");
    expect(() => compileSuccessWhen(`${"not ".repeat(200)}status == 1`)).toThrow("fewer brackets");
    expect(() => compileSuccessWhen(`status in ${"[".repeat(200)}`)).toThrow("fewer brackets");
    expect(() => compileSuccessWhen(`status == ${"1".repeat(1000)}`)).toThrow("1000 characters");
  });
});

describe("the grammar that the docs print", () => {
  const grammar = grammarOf(blockOf("manifest", ""));
  const chance = chanceFrom("success_when");
  const leaves = {
    name: () => chance.pick(["data", "version", "odd-name", "_x"]),
    index: () => String(chance.below(12)),
    number: () => chance.pick(["0", "200", "-1", "1.5", "2e3"]),
    string: () => chance.pick(['"8.1"', "'its'", '"a \\" b"', '""']),
  };
  const sentences = Array.from({ length: 400 }, () => sentenceOf(grammar, chance, leaves, "condition"));
  const isTaken = (words: readonly string[]): boolean => {
    try {
      compileSuccessWhen(words.join(" ").replaceAll(" . ", "."));
      return true;
    } catch {
      return false;
    }
  };

  it("makes no condition that is refused", () => {
    const short = sentences.filter((words) => words.join(" ").length < 900);
    expect(short.length).toBeGreaterThan(300);
    expect(short.filter((words) => !isTaken(words)).map((words) => words.join(" "))).toEqual([]);
  });

  it("uses every word that a condition may have", () => {
    const used = new Set(sentences.flat());
    for (const word of ["or", "and", "not", "in", "(", "[", ".", "status", "body", "!=", ">=", "true", "null"]) {
      expect(used, word).toContain(word);
    }
  });

  it("makes nothing that holds without one of its operators", () => {
    const operators = ["==", "!=", "<", "<=", ">", ">=", "in"];
    const comparisons = Array.from({ length: 50 }, () => sentenceOf(grammar, chance, leaves, "comparison"));
    expect(comparisons.filter((words) => !isTaken(words))).toEqual([]);
    expect(comparisons.map((words) => words.filter((word) => !operators.includes(word))).filter(isTaken)).toEqual([]);
  });
});
