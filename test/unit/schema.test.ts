/** The door to JSON Schema: all problems, in words, without secrets, in bounded time. */
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { linearRegExp } from "../../src/model/linear-pattern.ts";
import { checkSchema, compileSchema } from "../../src/model/schema.ts";

const problems = (schema: object, value: unknown) => compileSchema(schema)(value);

describe("compiling a schema", () => {
  const connection = {
    type: "object",
    required: ["host", "token"],
    additionalProperties: false,
    properties: {
      host: { type: "string", minLength: 1, pattern: "^[a-z.]+$" },
      port: { type: "integer", minimum: 1, maximum: 65535 },
      mode: { enum: ["fast", "slow"] },
      token: { type: "string", secret: true, pattern: "^tok-[0-9]+$", minLength: 8 },
    },
  };

  it("reports every problem at once, each with its pointer and what was expected and got", () => {
    expect(problems(connection, { host: "A", port: 70000, mode: "warp", "a/b": 1 })).toEqual(
      expect.arrayContaining([
        { pointer: "/token", message: "expected a value, got nothing" },
        { pointer: "/a~1b", message: 'expected one of host, port, mode, token, got "a/b"' },
        { pointer: "/host", message: 'expected a text that matches ^[a-z.]+$, got "A"' },
        { pointer: "/port", message: "expected a number <= 65535, got 70000" },
        { pointer: "/mode", message: 'expected one of "fast", "slow", got "warp"' },
      ]),
    );
  });

  it("names the property that was meant by one that is unknown", () => {
    const given = { host: "a", token: "tok-12345678", prot: 1 };
    expect(problems(connection, given)).toEqual([
      { pointer: "/prot", message: 'expected one of host, port, mode, token, got "prot" (did you mean port?)' },
    ]);
  });

  it("accepts what fits", () => {
    expect(problems(connection, { host: "pve.example", port: 8006, token: "tok-12345678" })).toEqual([]);
  });

  it.each(["hunter2", 4711, { deep: "hunter2" }])("never shows the value of a secret (%j)", (token) => {
    const text = JSON.stringify(problems(connection, { host: "a", token }));
    expect(text).toContain("/token");
    expect(text).not.toContain("hunter2");
    expect(text).not.toContain("4711");
  });

  it("hides everything when a secret is marked behind a reference or a choice", () => {
    const schema = {
      type: "object",
      $defs: { key: { type: "string", secret: true, minLength: 99 } },
      properties: { a: { $ref: "#/$defs/key" }, b: { allOf: [{ secret: true }, { pattern: "^x" }] } },
      patternProperties: { "^c": { type: "string", secret: true, format: "ipv4" } },
    };
    const found = problems(schema, { a: "hunter2", b: "hunter2", c: "hunter2" });
    expect(found).toHaveLength(3);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });

  it("points at the branch of a choice that was meant, or names the choice once", () => {
    const schema = {
      anyOf: [
        { type: "string", minLength: 3 },
        { type: "object", required: ["path"], properties: { path: { type: "string" } } },
      ],
    };
    expect(problems(schema, {})).toEqual([{ pointer: "/path", message: "expected a value, got nothing" }]);
    expect(problems(schema, 7)).toEqual([{ pointer: "", message: "expected a text or an object, got 7" }]);
  });

  it("keeps two patterns apart", () => {
    const schema = {
      type: "object",
      properties: { a: { type: "string", pattern: "^a$" }, b: { type: "string", pattern: "^b$" } },
    };
    expect(problems(schema, { a: "b", b: "a" })).toHaveLength(2);
    expect(problems(schema, { a: "a", b: "b" })).toEqual([]);
  });

  it("takes TypeBox schemas", () => {
    const schema = Type.Object(
      { id: Type.String(), n: Type.Optional(Type.Integer()) },
      { additionalProperties: false },
    );
    expect(problems(schema, { id: "x", n: 1 })).toEqual([]);
    expect(problems(schema, { id: 1 })).toEqual([{ pointer: "/id", message: "expected a text, got 1" }]);
  });

  it("checks known formats and takes unknown ones as annotations", () => {
    const schema = {
      type: "object",
      properties: { ip: { type: "string", format: "ipv4" }, u: { type: "string", format: "upid" } },
    };
    expect(problems(schema, { ip: "10.0.0.1", u: "anything" })).toEqual([]);
    expect(problems(schema, { ip: "x" })).toHaveLength(1);
  });

  it("says of a pattern that has an example what is wanted by that", () => {
    const schema = { type: "string", pattern: "^(0|[1-9][0-9]*)\\.[0-9]+$", examples: ["1.2"] };
    expect(problems(schema, "one")).toEqual([{ pointer: "", message: 'expected a text such as "1.2", got "one"' }]);
  });

  it("names a property whose name is not allowed", () => {
    const schema = { type: "object", propertyNames: { pattern: "^[a-z]+$" } };
    expect(problems(schema, { A1: 1 })).toEqual([
      { pointer: "/A1", message: 'expected a text that matches ^[a-z]+$, got the name "A1"' },
    ]);
  });

  it("does not let one schema's $id change the meaning of another", () => {
    const first = { $id: "https://packs.example/x", type: "object", properties: { a: { type: "string" } } };
    const second = { $id: "https://packs.example/x", type: "object", properties: { a: { type: "integer" } } };
    expect(problems(first, { a: "x" })).toEqual([]);
    expect(problems(second, { a: "x" })).toHaveLength(1);
  });

  it("gives the same function for a schema that was read anew", () => {
    const read = () => JSON.parse(JSON.stringify(connection)) as object;
    expect(compileSchema(read())).toBe(compileSchema(read()));
  });

  it("matches an exploding pattern in no time", () => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } };
    const started = performance.now();
    expect(problems(schema, { a: `${"a".repeat(5000)}b` })).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe("checking a schema that came from outside", () => {
  const pointers = (schema: unknown) => checkSchema(schema).map(({ pointer }) => pointer);

  it("accepts an object schema with annotations of forms", () => {
    expect(
      checkSchema({
        type: "object",
        required: ["host"],
        properties: {
          host: { type: "string", title: "Host", placeholder: "pve.example", "x-order": 1 },
          token: { type: "string", secret: true },
        },
        if: { properties: { mode: { const: "token" } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: ["token"] },
      }),
    ).toEqual([]);
  });

  it.each([
    ["no schema at all", 5, ""],
    ["a list", [], ""],
    ["a root that is no object", { type: "string" }, "/type"],
    ["a wrong keyword value", { type: "object", properties: { a: { type: "text" } } }, "/properties/a/type"],
    [
      "a pattern with look-ahead",
      { type: "object", properties: { a: { pattern: "(?=a)b" } } },
      "/properties/a/pattern",
    ],
    [
      "a pattern of 201 characters",
      { type: "object", properties: { a: { pattern: "a".repeat(201) } } },
      "/properties/a/pattern",
    ],
    ["a keyword that does not exist", { type: "object", requried: ["a"] }, ""],
    ["a reference that leads nowhere", { type: "object", properties: { a: { $ref: "#/$defs/none" } } }, ""],
    ["a remote reference", { type: "object", properties: { a: { $ref: "https://example.org/x" } } }, ""],
    ["a reference to itself", { type: "object", properties: { a: { $ref: "#" } } }, ""],
    ["an asynchronous schema", { $async: true, type: "object" }, "/$async"],
  ])("refuses %s", (_, schema, pointer) => {
    expect(pointers(schema)).toContain(pointer);
  });

  it("reports several faults together", () => {
    expect(pointers({ type: "object", required: "a", properties: { a: { type: 1 }, b: { minLength: -1 } } })).toEqual(
      expect.arrayContaining(["/required", "/properties/a/type", "/properties/b/minLength"]),
    );
  });

  it("refuses references that unfold to millions", () => {
    const $defs: Record<string, object> = { d0: { type: "string" } };
    for (let level = 1; level < 30; level += 1) {
      $defs[`d${level}`] = { allOf: [{ $ref: `#/$defs/d${level - 1}` }, { $ref: `#/$defs/d${level - 1}` }] };
    }
    expect(pointers({ type: "object", $defs, properties: { a: { $ref: "#/$defs/d29" } } })).toEqual([""]);
  });

  it("refuses a schema nested without end", () => {
    let deep: object = { type: "string" };
    for (let level = 0; level < 5000; level += 1) deep = { items: deep };
    expect(pointers({ type: "object", properties: { a: deep } })).toEqual([""]);
  });
});

describe("a linear regular expression", () => {
  it("finds matches and groups", () => {
    expect(linearRegExp("^UPID:([^:]+):(x)?").exec("UPID:pve1:")).toEqual(["UPID:pve1:", "pve1", null]);
    expect(linearRegExp("b").exec("aaa")).toBeUndefined();
    expect(linearRegExp("\\u0041\\/").test("A/")).toBe(true);
    expect(linearRegExp("^a$").test("a\n")).toBe(false);
  });

  it.each(["(?=a)", "(a)\\1", "(", "a".repeat(201)])("refuses %s", (pattern) => {
    expect(() => linearRegExp(pattern)).toThrow(SwitchyardError);
  });
});

describe("what fits no form", () => {
  const said = (schema: object, value: unknown) => problems(schema, value).map(({ message }) => message);

  it("is told once where neither type nor choice fits", () => {
    const nullable = { type: ["string", "null"], enum: ["1", "2", null] };
    expect(said(nullable, 1)).toEqual(['expected one of "1", "2", null, got 1']);
    expect(said({ type: "string", const: "on" }, 1)).toEqual(['expected "on", got 1']);
    const both = { allOf: [{ type: "integer" }, { enum: ["a"] }] };
    expect(said(both, "b")).toEqual(['expected a whole number, got "b"', 'expected one of "a", got "b"']);
  });

  it("is told with the values that a union of them allows", () => {
    const union = Type.Union([Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")]);
    expect(said(union, "warning")).toEqual(['expected one of "info", "warn", "error", got "warning"']);
    expect(said(union, 3)).toEqual(['expected one of "info", "warn", "error", got 3']);
    expect(said({ oneOf: [{ const: 1 }, { enum: [2, 3] }] }, 4)).toEqual(["expected one of 1, 2, 3, got 4"]);
    expect(said({ anyOf: [{ const: "auto" }, { type: "null" }] }, "no")).toEqual(['expected "auto" or null, got "no"']);
    const inside = { type: "object", properties: { mode: union } };
    expect(problems(inside, { mode: "x" })).toEqual([
      { pointer: "/mode", message: 'expected one of "info", "warn", "error", got "x"' },
    ]);
  });

  it("is not told by the branches of a choice of which one too many fits", () => {
    const schema = { oneOf: [{ type: "integer" }, { minimum: 1 }, { minimum: 9 }] };
    expect(said(schema, 5)).toEqual(["expected exactly one of the allowed forms, got 5"]);
  });
});
