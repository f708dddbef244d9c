/** What a person typed, as the schema of its field reads it. */
import { describe, expect, it } from "vitest";
import { typedText } from "../../src/model/typed-text.ts";

describe("a typed text", () => {
  it.each([
    ["1", { type: ["string", "null"] }, "1"],
    ["true", { type: ["string", "null"] }, "true"],
    ['{"a":1}', { type: ["null", "string"] }, '{"a":1}'],
    ["null", { type: ["string", "null"] }, null],
    ["null", { type: "string" }, "null"],
    ["null", { type: ["integer", "null"] }, null],
    ["7", { type: ["integer", "null"] }, 7],
    ["7", { type: ["integer", "string"] }, "7"],
    ["7", { type: ["integer", "string"], enum: [7, "auto"] }, 7],
    ["auto", { type: ["integer", "string"], enum: [7, "auto"] }, "auto"],
    ["1", { enum: ["1", "2"] }, "1"],
    ["1", { enum: [1, 2] }, 1],
    ["1", { const: "1" }, "1"],
    ["1", { anyOf: [{ type: "string" }, { type: "null" }] }, "1"],
    ["null", { oneOf: [{ type: "string" }, { type: "null" }] }, null],
    ["5", { anyOf: [{ type: "integer" }, { enum: ["auto"] }] }, 5],
    ["1", { anyOf: [{ const: "1" }, { const: "2" }] }, "1"],
    ["a,b", { type: ["array", "null"] }, ["a", "b"]],
    ["false", { type: ["boolean", "null"] }, false],
    ["soon", { type: ["integer", "null"] }, "soon"],
    ['{"a":1}', {}, { a: 1 }],
    ["7", undefined, 7],
    ["7", { type: "string" }, "7"],
    ["nonsense", { type: "boolean" }, "nonsense"],
  ])("%s of %j is %j", (text, schema, value) => {
    expect(typedText(text, schema)).toEqual(value);
  });
});
