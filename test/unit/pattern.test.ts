/** Patterns of reads and writes: what they match, and what they must not. */
import { describe, expect, test } from "vitest";
import {
  compileAnswerPattern,
  compileHttpPattern,
  compileLinePattern,
  httpPatternProblem,
  linePatternProblem,
  matchesHttp,
} from "../../src/model/pattern.ts";

const http = (
  pattern: string | { method: string; path: string; body?: Record<string, never> },
  path: string,
  method = "POST",
) => matchesHttp(compileHttpPattern(pattern, { verb: "stop", target: "a b" }), { method, path });

describe("an http pattern", () => {
  test.each([
    ["POST /a/*", "/a/b", true],
    ["POST /a/*", "/a/b%20c", true],
    ["POST /a/*", "/a/b/c", false],
    ["POST /a/*", "/a/", false],
    ["POST /a/*", "/a", false],
    ["POST /a/*", "/A/b", false],
    ["POST /a/*/c", "/a//c", false],
    ["POST /a/*", "/a/b%2Fc", false],
    ["POST /a/*", "/a/b%25252fc", false],
    ["POST /a/*", "/a/b%5cc", false],
    ["POST /a/*%2F*", "/a/b%2fc", true],
    ["POST /a/*%2F*", "/a/b%2Fc%2Fd", false],
    ["POST /a/x*z", "/a/xyz", true],
    ["POST /a/x*z", "/a/xz", false],
    ["POST /a/x*z", "/a/xyzz", true],
    ["POST /a/{target}/{verb}", "/a/a%20b/stop", true],
    ["POST /a/{target}/{verb}", "/a/%61%20b/%73top", true],
    ["POST /a/{target}/{verb}", "/a/a/stop", false],
    ["POST /a", "/a/", false],
    ["POST /a/", "/a/", true],
    ["POST ", "", true],
    ["PUT /a", "/a", false],
  ])("%s and %s: %s", (pattern, path, matches) => {
    expect(http(pattern, path)).toBe(matches);
  });

  test("takes a query only when it ends in ?*", () => {
    const request = { method: "POST", path: "/a", query: [["b", "1"]] };
    expect(matchesHttp(compileHttpPattern("POST /a"), request)).toBe(false);
    expect(matchesHttp(compileHttpPattern("POST /a?*"), request)).toBe(true);
    expect(matchesHttp(compileHttpPattern("POST /a?*"), { ...request, query: [] })).toBe(true);
  });

  test("takes a target for what it is, whatever its characters", () => {
    for (const target of ["*", "{verb}", "a/b", "..", "a%2fb"]) {
      const pattern = compileHttpPattern("POST /a/{target}", { target, verb: "x" });
      expect(matchesHttp(pattern, { method: "POST", path: `/a/${encodeURIComponent(target)}` })).toBe(true);
      expect(matchesHttp(pattern, { method: "POST", path: "/a/x" })).toBe(false);
    }
  });

  test("looks into one JSON object, never into an array", () => {
    const pattern = compileHttpPattern({ method: "POST", path: "", body: { "/method": "get", "/params/n": 1 } });
    const send = (json: unknown) => matchesHttp(pattern, { method: "POST", path: "", json: json as never });
    expect(send({ method: "get", params: { n: 1, other: 2 } })).toBe(true);
    for (const other of [
      { method: "get" },
      { method: "set", params: { n: 1 } },
      [{ method: "get", params: { n: 1 } }],
      "get",
      null,
      undefined,
    ]) {
      expect(send(other)).toBe(false);
    }
  });

  test.each([
    ["POST /a", true],
    [{ method: "POST", path: "/a", body: { "/x": 1 } }, true],
    ["post /a", false],
    ["POST a", false],
    ["POST /a?b=1", false],
    ["POST /a b", false],
    ["", false],
    [5, false],
    [{ method: "POST", path: "/a", bodi: {} }, false],
    [{ method: "POST", path: "/a", body: { x: 1 } }, false],
    [`POST /${"a".repeat(200)}`, false],
  ])("%j is one: %s", (pattern, isOne) => {
    expect(httpPatternProblem(pattern) === undefined).toBe(isOne);
  });
});

describe("a line pattern", () => {
  const line = (pattern: string, text: string) =>
    compileLinePattern(pattern, { target: "ups", verb: "on" }).matches(text);
  test.each([
    ["show *", "show vlans 1-4,7", true],
    ["show *", "show a b c", true],
    ["show *", "show ", false],
    ["show *", "show", false],
    ["show *", "show run | include x", false],
    ["show *", "show run > file", false],
    ["show *", "show run; reload", false],
    ["show *", "show `x`", false],
    ["show *", "show -x", false],
    ["show *", "show a -x", false],
    ["show *", "show @file", false],
    ["show *", "show a@b", true],
    ["show *", "show a-b", true],
    ["show *", "show a\nreload", false],
    ["show *", "Show a", false],
    ["show*", "show-x", true],
    ["GET * value", "GET ups value", true],
    ["GET * value", "GET ups valuex", false],
    ["GET * value", "GET value", false],
    ["SET {target} {verb}", "SET ups on", true],
    ["SET {target} {verb}", "SET ups off", false],
    ["VER", "VER", true],
    ["VER", "VER ", false],
  ])("%j and %j: %s", (pattern, text, matches) => {
    expect(line(pattern, text)).toBe(matches);
  });

  test("never begins with a wildcard, and is one line", () => {
    expect(linePatternProblem("*")).toBeDefined();
    expect(linePatternProblem("a\nb")).toBeDefined();
    expect(linePatternProblem("")).toBeDefined();
    expect(linePatternProblem("show *")).toBeUndefined();
  });

  test("stays quick on a line made to be slow", () => {
    const startedAt = performance.now();
    compileLinePattern("a * * * * * * b").matches(`a ${"x ".repeat(2_000)}c`);
    expect(performance.now() - startedAt).toBeLessThan(50);
  });
});

test.each([
  ["OK*", "OK", true],
  ["OK*", "OK done", true],
  ["OK*", "NOK", false],
  ["*OK", "it is OK", true],
  ["*OK*", "OK", true],
  ["O*K", "OK", true],
  ["O*K", "K", false],
])("an expected answer %j and %j: %s", (pattern, text, matches) => {
  expect(compileAnswerPattern(pattern).matches(text)).toBe(matches);
});
