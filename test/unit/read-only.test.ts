/** Why a command is a write although a pattern of `reads` seems to name it. */
import { describe, expect, it } from "vitest";
import { readOnlyViolation } from "../../src/transports/read-only.ts";

describe("a write while a driver may only read", () => {
  it("says of a command with options what a wildcard does not stand for", () => {
    expect(readOnlyViolation({ kind: "ssh" }, "uname -r").message).toMatch(
      /"uname -r".*no word that begins with - or @/,
    );
    expect(readOnlyViolation({ kind: "tcp" }, "load @file").message).toMatch(/begins with - or @/);
  });

  it("says no more of what has none", () => {
    expect(readOnlyViolation({ kind: "ssh" }, "reload").message).toMatch(/nothing was sent\.$/);
    expect(readOnlyViolation({ kind: "http" }, "POST /a -b").message).toMatch(/nothing was sent\.$/);
  });
});
