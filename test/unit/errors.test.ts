/** The table of codes and the page that lists them say the same. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asSwitchyardError, errorTable, isDriverCode, isErrorCode, SwitchyardError } from "../../src/errors.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (\d+) \| ([^|]+) \|/gm)].map(([, code, status, title]) => [
  code,
  Number(status),
  title?.trim(),
]);

const forDrivers = [...page.matchAll(/^\| `([a-z_]+)` \|[^|]*\|[^|]*\|[^|]*\| yes \|$/gm)].map(([, code]) => code);

describe("error codes", () => {
  it("that a driver may raise are marked, what one verb wants of its parameters among them", () => {
    expect(forDrivers).toEqual(Object.keys(errorTable).filter(isDriverCode));
    expect(forDrivers).toContain("params_invalid");
    expect(forDrivers).not.toContain("plan_blocked");
  });

  it("are documented with the same status and title", () => {
    expect(documented).toEqual(Object.entries(errorTable).map(([code, { status, title }]) => [code, status, title]));
  });

  it("know their own names and nobody else's", () => {
    expect(isErrorCode("plan_stale")).toBe(true);
    expect(isErrorCode("toString")).toBe(false);
  });

  it("hide the words of an error that is not ours", () => {
    const hidden = asSwitchyardError(new Error("SELECT * FROM secrets"));
    expect(hidden).toBeInstanceOf(SwitchyardError);
    expect(hidden.message).not.toContain("SELECT");
    expect(hidden.code).toBe("internal");
  });
});

it("a full disk is named, and what else the system says stays an inner matter", () => {
  const said = (code: string) => asSwitchyardError(Object.assign(new Error("no"), { code, syscall: "write" }));
  expect(said("ENOSPC")).toMatchObject({
    code: "store_unavailable",
    message: expect.stringMatching(/no space is left/),
  });
  expect(said("EROFS").code).toBe("store_unavailable");
  expect(said("ENOENT").code).toBe("internal");
  expect(asSwitchyardError(Object.assign(new Error("no"), { code: "ENOSPC" })).code).toBe("internal");
});
