/** Defaults stand where a value is silent, and nowhere else. */
import { describe, expect, it } from "vitest";
import { withDefaults } from "../../src/model/schema-defaults.ts";

describe("the defaults of a schema", () => {
  const schema = {
    properties: {
      host: { type: "string" },
      port: { type: "integer", default: 443 },
      verify: { type: "boolean", default: false },
      token: { type: "string", secret: true, default: "never" },
      proxy: { type: "object", properties: { depth: { default: 1 }, host: {} } },
      tags: { default: ["a"] },
    },
  };

  it("stand where nothing was given, also inside of objects that were", () => {
    const filled = withDefaults(schema, { host: "a", proxy: { host: "b" } });
    expect(filled).toEqual({ host: "a", port: 443, verify: false, proxy: { host: "b", depth: 1 }, tags: ["a"] });
  });

  it("replace nothing that was given, null and false included", () => {
    const given = { port: null, verify: true, tags: [], other: 1 };
    expect(withDefaults(schema, given)).toEqual(given);
    expect(withDefaults({ type: "object" }, given)).toBe(given);
  });

  it("are copies, and reach no prototype", () => {
    const one = withDefaults(schema, {});
    (one["tags"] as string[]).push("b");
    expect(withDefaults(schema, {})["tags"]).toEqual(["a"]);
    const odd = JSON.parse('{"properties":{"__proto__":{"default":{"polluted":true}},"toString":{"default":"x"}}}');
    const filled = withDefaults(odd, {});
    expect(Object.getPrototypeOf(filled)).toBe(Object.prototype);
    expect(filled["toString"]).toBe("x");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
