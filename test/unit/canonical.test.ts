/** Canonical JSON and the hash of a plan. */
import { describe, expect, test } from "vitest";
import { canonicalJson, sha256Hex } from "../../src/model/canonical.ts";
import { planHash } from "../../src/model/plan-hash.ts";

describe("canonical JSON", () => {
  test("sorts members by UTF-16 code units, as RFC 8785's own example does", () => {
    const value = {
      "\u20ac": "Euro",
      "\r": "CR",
      "\ufb33": "Dalet",
      "1": "One",
      "\ud83d\ude00": "Smile",
      "\u0080": "Control",
      "\u00f6": "o",
    };
    const keys = [...canonicalJson(value).matchAll(/:"(\w+)"/g)].map((match) => match[1]);
    expect(keys).toEqual(["CR", "One", "Control", "o", "Euro", "Smile", "Dalet"]);
  });

  test.each([
    [[56.0, 1e30 / 1e30, 4.5, 0.002, 1e-27, -0, true, null], "[56,1,4.5,0.002,1e-27,0,true,null]"],
    ["\u20ac$\u000f\nA'B\"\\/", '"€$\\u000f\\nA\'B\\"\\\\/"'],
    [{ a: undefined, b: { d: [], c: {} } }, '{"b":{"c":{},"d":[]}}'],
  ])("writes %j in one way", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("keeps a member called __proto__", () => {
    expect(canonicalJson(JSON.parse('{"__proto__":1,"a":2}'))).toBe('{"__proto__":1,"a":2}');
  });

  test.each([
    2 ** 53,
    -(2 ** 53),
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "\ud800",
    { "\udc00": 1 },
    () => 1,
    10n,
  ])("refuses %s", (value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: "response_invalid" }));
  });
});

describe("the hash of a plan", () => {
  const facts = {
    instance: "ins_1",
    config_revision: 1,
    digest: "d",
    capability: "vm.lifecycle",
    verb: "stop",
    target: { type: "vm", id: "100" },
    params: {},
    effects: { summary: "s", per_target: [] },
    steps: [{ transport: "http", method: "POST", path: "/a" }],
  };

  test("is the same whatever the order of members, and another for every other fact", () => {
    const hash = planHash(facts);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(planHash(Object.fromEntries(Object.entries(facts).toReversed()) as unknown as typeof facts)).toBe(hash);
    const others = [
      { verb: "start" },
      { config_revision: 2 },
      { params: { a: 1 } },
      { steps: [] },
      { digest: "e" },
      { instance: "i" },
      ...[{ preview: [] }, { preview: ["POST /vm/100"] }],
    ];
    expect(new Set(others.map((other) => planHash({ ...facts, ...other }))).add(hash).size).toBe(others.length + 1);
  });

  test("counts nothing but the facts", () => {
    expect(planHash({ ...facts, notes: ["x"] } as typeof facts)).toBe(planHash(facts));
    expect(sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});
