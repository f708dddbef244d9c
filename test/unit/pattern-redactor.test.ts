/** What a manifest's `redact` hides in texts. */
import { describe, expect, it } from "vitest";
import { patternRedactor } from "../../src/model/pattern-redactor.ts";

describe("patterns of `redact`", () => {
  it("hide their first group, or all of a match that has none, as often as it stands there", () => {
    const redact = patternRedactor(['community "([^"]+)"', "SG\\d+"]);
    expect(redact('community "public" RW, community "a b" of SG12 and SG3')).toBe(
      'community "[redacted]" RW, community "[redacted]" of [redacted] and [redacted]',
    );
  });

  it("leave a text alone in which they find nothing, or nothing but emptiness", () => {
    expect(patternRedactor(["x*", "key (y?)z?"])("a key of abc")).toBe("a [redacted]of abc");
    expect(patternRedactor(["x*", "/x"])("a key of abc")).toBe("a key of abc");
    expect(patternRedactor([])("x")).toBe("x");
  });

  it("take no longer than the text is long, whatever they are", () => {
    const text = "a".repeat(100_000);
    const from = performance.now();
    expect(patternRedactor(["a"])(text)).toBe("[redacted]".repeat(100_000));
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
