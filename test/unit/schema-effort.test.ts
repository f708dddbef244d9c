/** No schema of a pack and no value for it holds up who checks one against the other. */
import { describe, expect, test } from "vitest";
import { checkManifest } from "../../src/model/manifest-check.ts";
import { patternSize } from "../../src/model/pattern-size.ts";
import { checkSchema, compilePackSchema, compileSchema } from "../../src/model/schema.ts";

const inTime = <T>(work: () => T, ms = 1_000): T => {
  const startedAt = performance.now();
  const result = work();
  expect(performance.now() - startedAt).toBeLessThan(ms);
  return result;
};
const zeros = (length: number) => Array.from({ length }, () => 0);
const numbers = (length: number) => Array.from({ length }, (_, index) => ({ const: index + 1 }));

describe("a value for a pack's schema", () => {
  const choice = { items: { anyOf: numbers(200) } };

  test.each<[string, object, unknown]>([
    ["sixty thousand items that none of 200 forms fits", choice, zeros(60_000)],
    ["a quarter of a million of them", choice, zeros(250_000)],
    ["as many of the last form", choice, zeros(250_000).map(() => 200)],
    ["few enough to be looked at", choice, zeros(4_000)],
    ["as many that a list should contain", { contains: { anyOf: numbers(200) } }, zeros(4_000)],
    ["one text for many lengths", { allOf: zeros(4_000).map(() => ({ maxLength: 2_000_000 })) }, "x".repeat(1_000_000)],
    [
      "many patterns to be compiled",
      { items: { format: "regex" } },
      zeros(5_000).map((_, n) => `(([a-z${n}]?){20}){20}`),
    ],
  ])("is refused soon: %s", (_, schema, value) => {
    const check = compilePackSchema(schema);
    check(1);
    expect(inTime(() => check(value)).length).toBeGreaterThan(0);
  });

  test("is refused where its texts are too long for the patterns", () => {
    const check = compilePackSchema({ pattern: "^(([a-z]?){20}){20}$" });
    expect(check("a".repeat(300))).toEqual([]);
    expect(inTime(() => check("a".repeat(40_000)))).toMatchObject([{ message: expect.stringContaining("in time") }]);
    expect(check("a".repeat(300))).toEqual([]);
  });

  test("is told all of its problems where it is small, else the first, and that it is not the only one", () => {
    const check = compilePackSchema({ items: { type: "integer" } });
    expect(check(["a", "b", "c"])).toHaveLength(3);
    const [first, second, ...others] = check(zeros(200_000).map(() => "a"));
    expect(first).toEqual({ pointer: "/0", message: 'expected a whole number, got "a"' });
    expect(second).toMatchObject({ pointer: "", message: expect.stringContaining("only the first is told") });
    expect(others).toEqual([]);
  });

  test("is taken at any size by a schema of our own, which looks at each value a few times", () => {
    const check = compileSchema({ items: { type: "object", required: ["a"] } });
    expect(inTime(() => check(zeros(400_000).map(() => ({ a: 1 }))), 3_000)).toEqual([]);
    expect(inTime(() => check(zeros(400_000).map(() => ({}))))).toHaveLength(2);
  });
});

describe("items that differ", () => {
  const check = compilePackSchema({ uniqueItems: true });

  test("are found to do so soon", () => {
    const items = zeros(10_000).map((_, index) => ({ a: index, b: [index] }));
    expect(inTime(() => check(items))).toEqual([]);
    expect(inTime(() => check([...items, { b: [7], a: 7 }]))).toEqual([
      { pointer: "", message: "expected items that differ, got the same at 7 and 10000" },
    ]);
  });

  test.each<[string, unknown[], boolean]>([
    ["1 and the text 1", [1, "1"], true],
    ["null and the text null", [null, "null"], true],
    ["0 and -0", [0, -0], false],
    [
      "objects whose keys come in another order",
      [
        { a: { x: 1, y: 2 }, b: 2 },
        { b: 2, a: { y: 2, x: 1 } },
      ],
      false,
    ],
    [
      "lists of another order",
      [
        [1, 2],
        [2, 1],
      ],
      true,
    ],
  ])("%s: %j", (_, items, isFine) => {
    expect(check(items).length === 0).toBe(isFine);
  });

  test("may be the same where nobody asks", () => {
    expect(compilePackSchema({ uniqueItems: false })([1, 1])).toEqual([]);
  });
});

describe("items of which some must have a form", () => {
  const check = compilePackSchema({ contains: { const: 5 }, minContains: 2, maxContains: 3, unevaluatedItems: false });

  test("are counted", () => {
    expect(check([5, 5])).toEqual([]);
    expect(check([1, 5])).toMatchObject([{ message: "expected at least 2 item of the asked form, got fewer" }]);
    expect(check([5, 5, 5, 5])).toHaveLength(1);
  });
});

describe("patterns of a manifest", () => {
  const costly = (index: number) => ({ pattern: `^(([a-z${index}]?){20}){20}$` });
  const schemaOf = (count: number) => ({
    type: "object",
    properties: { a: { anyOf: Array.from({ length: count }, (_, index) => costly(index)) } },
  });

  test("are refused where one of them unfolds to too much, before it is compiled", () => {
    const schema = { type: "object", properties: { a: { pattern: `(${"abc".repeat(60)}){1000}` } } };
    expect(inTime(() => checkSchema(schema), 200)).toEqual([
      { pointer: "/properties/a/pattern", message: expect.stringMatching(/^expected repetitions that unfold/) },
    ]);
  });

  test("are refused where they do so together", () => {
    expect(checkSchema(schemaOf(10))).toEqual([]);
    expect(inTime(() => checkSchema(schemaOf(1_500)), 3_000)).toMatchObject([
      { pointer: expect.stringContaining("/properties/a/anyOf/"), message: expect.stringContaining("in all") },
    ]);
  });

  test("have one room for all capabilities", () => {
    const capabilities = zeros(40).map((_, index) => ({
      id: `a.c${index}`,
      verbs: ["set"],
      targets: ["x"],
      params: schemaOf(3),
    }));
    const { problems } = inTime(() => checkManifest({ capabilities }), 5_000);
    expect(problems.some(({ message }) => message.includes("in all"))).toBe(true);
  });

  test.each([
    ["^[a-z]{1,1000}$", 2_001],
    ["(([a-z]?){30}){33}", 4_026],
    ["(a{3}){4}", 20],
    ["a{2,}", 2],
    ["[]{9}(]{3}\\{9}", 6],
    ["(?:aaa\\Q(\\Eb){100}", 1_200],
    [")a{5}", 5],
  ])("%s has about %d steps", (pattern, steps) => {
    expect(patternSize(pattern)).toBeGreaterThanOrEqual(steps);
    expect(patternSize(pattern)).toBeLessThan(steps + 700);
  });
});
