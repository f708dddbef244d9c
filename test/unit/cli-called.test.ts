/** Commands that hints name work as they stand, whatever the thing in them is called. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { call, form } from "../../src/cli/called.ts";

/** The words that a shell makes of a line. */
const wordsOf = (line: string): string[] =>
  execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" })
    .split("\n")
    .slice(0, -1);

describe("a command in a hint", () => {
  it("says plain words as they are", () => {
    expect(call("test", "pve-2.lab/a:b@c")).toBe("npx switchyard test pve-2.lab/a:b@c");
    expect(call("plan", "pve", "--param", "text=...")).toBe("npx switchyard plan pve --param text=...");
  });

  it.each(["bad/name x", "it's", "$(id)", "a;b", "<type>", "~root", "", 'a"b', "`id`", "*", "\\", "é"])(
    "quotes %j so that the shell hands it on as it is",
    (name) => {
      expect(wordsOf(call("test", name))).toEqual(["npx", "switchyard", "test", name]);
    },
  );

  it("leaves places to fill in as they are", () => {
    expect(form("add <type> --name N")).toBe("npx switchyard add <type> --name N");
  });
});
