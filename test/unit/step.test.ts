/** Steps: shape, references, and when two of them are the same. */
import { describe, expect, test } from "vitest";
import type { HttpEndpoint } from "../../src/model/endpoint.ts";
import { holdsHandle, makeHandle } from "../../src/model/handle.ts";
import { normaliseHttp, overridesMethod, queryText } from "../../src/model/http-step.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { escapeToken, parsePointer, valueAt, withValueAt } from "../../src/model/pointer.ts";
import { payloadOf, refsOf } from "../../src/model/step.ts";

const endpoint: HttpEndpoint = {
  kind: "http",
  name: "http",
  scheme: "https",
  host: "h",
  port: 443,
  prefix: "",
  tls: null,
  headers: { authorization: [] },
  basic: null,
  writeHeaders: { "x-csrf": [] },
  login: null,
  reads: [],
  writes: [],
  ok: [],
  places: [],
};
const book = { secretOf: () => undefined, isSessionValue: () => false };
const normal = (raw: JsonObject) => normaliseHttp(raw, endpoint, book);

describe("a request in its stored form", () => {
  test("holds what was said and nothing else", () => {
    expect(normal({})).toEqual({ transport: "http", method: "GET", path: "" });
    expect(
      normal({
        method: "put",
        path: "/a",
        query: { b: 1, c: true },
        headers: { "X-Y": 2, "Content-Type": "a/b" },
        text: "",
      }),
    ).toEqual({
      transport: "http",
      method: "PUT",
      path: "/a",
      query: [
        ["b", "1"],
        ["c", "true"],
      ],
      headers: { "x-y": "2" },
      text: "",
      content_type: "a/b",
    });
  });

  test("takes pairs or an object for query and form", () => {
    expect(
      normal({
        query: [
          ["a", 1],
          ["a", 2],
        ],
      }),
    ).toMatchObject({
      query: [
        ["a", "1"],
        ["a", "2"],
      ],
    });
    expect(() => normal({ query: [["a"]] })).toThrow(/pairs/);
    expect(() => normal({ form: { a: null } })).toThrow(/strings, numbers/);
  });

  test.each(["X-CSRF", "Authorization", "x_csrf"])("leaves %s to the manifest", (name) => {
    expect(() => normal({ headers: { [name]: "x" } })).toThrow(
      expect.objectContaining({ code: "endpoint_not_allowed" }),
    );
  });

  test.each([
    [{ json: {}, base64: "AAE=" }, "json and base64"],
    [{ text: "", json: 1 }, "text and json"],
    [{ text: "a", base64: "" }, "text and base64"],
  ])("has one content in each part, and not %j", (content, both) => {
    expect(() => normal({ method: "POST", multipart: [{ name: "a", ...content }] })).toThrow(
      expect.objectContaining({ code: "driver_failed", message: expect.stringContaining(`got ${both}.`) }),
    );
  });

  test("knows an override of the method in query, form, parts and JSON", () => {
    for (const raw of [
      { query: { _method: "x" } },
      { form: { _METHOD: "x" } },
      { multipart: [{ name: "_method", text: "x" }] },
      { json: { _method: "x" } },
    ]) {
      expect(overridesMethod(normal({ method: "POST", ...raw }))).toBe(true);
    }
    expect(overridesMethod(normal({ json: { method: "x" } }))).toBe(false);
  });

  test("writes its query in one way", () => {
    expect(
      queryText([
        ["a b", "c&d"],
        ["\u00e9", "+"],
      ]),
    ).toBe("?a%20b=c%26d&%C3%A9=%2B");
    expect(queryText([])).toBe("");
  });
});

test("two requests are the same when what is sent is", () => {
  const step = { transport: "http", method: "POST", path: "/a", accept: [409], idempotent: true, refs: {} };
  expect(payloadOf(step)).toEqual({ transport: "http", method: "POST", path: "/a" });
});

describe("references", () => {
  const ref = { step: 0, at: "/data", match: "^U" };
  test("are kept as they are when they point back", () => {
    expect(refsOf({ "/json/a": ref }, 1)).toEqual({ "/json/a": ref });
    expect(refsOf({}, 1)).toBeUndefined();
    expect(refsOf(undefined, 1)).toBeUndefined();
  });
  test.each([
    { "/json/a": { ...ref, step: 1 } },
    { "/json/a": { ...ref, step: -1 } },
    { "/json/a": { ...ref, at: "x" } },
    { "/json/a": { ...ref, match: "" } },
    { "/json/a": { ...ref, match: "(a" } },
    { "/text": ref },
    { "/headers/x": ref },
    { "/query/0/0": ref },
    { "/json/a": null },
  ] as JsonObject[])("are refused as %j", (refs) => {
    expect(() => refsOf(refs, 1)).toThrow();
  });
});

describe("JSON Pointers", () => {
  const document = { a: { "b/c": [1, { "~": 2 }] } };
  test.each([
    ["", document],
    ["/a/b~1c/0", 1],
    ["/a/b~1c/1/~0", 2],
    ["/a/b~1c/01", undefined],
    ["/a/x", undefined],
    ["/a/b~1c/length", undefined],
    ["/__proto__", undefined],
    ["a", undefined],
  ])("%j finds %j", (pointer, value) => {
    expect(valueAt(document, pointer)).toEqual(value);
  });
  test("set a place in a copy", () => {
    expect(withValueAt(document, "/a/b~1c/1/~0", 3)).toEqual({ a: { "b/c": [1, { "~": 3 }] } });
    expect(withValueAt(null, "/x/y", 1)).toEqual({ x: { y: 1 } });
    expect(document.a["b/c"][1]).toEqual({ "~": 2 });
    expect(parsePointer("/a~2")).toBeUndefined();
    expect(escapeToken("a/b~")).toBe("a~1b~0");
  });
});

test("a handle is known wherever it stands", () => {
  const handle = makeHandle("0123456789abcdef0123456789abcdef");
  for (const value of [handle, `x${handle}y`, [handle], { a: { [handle]: 1 } }]) expect(holdsHandle(value)).toBe(true);
  for (const value of ["swh_0123", 5, null, { a: "swh_" }]) expect(holdsHandle(value)).toBe(false);
});
