/** What a person reads at a terminal ends its lines where words end. */
import { describe, expect, it } from "vitest";
import { createTerminal } from "../../src/cli/view/terminal.ts";
import { wrapped } from "../../src/cli/view/wrap.ts";

describe("a line that is too long for a terminal", () => {
  const words = "  ok      redis  It answers and keeps what it was given.";
  it("ends where a word does, and goes on under its last column", () => {
    expect(wrapped(words, 40)).toBe(`  ok      redis  It answers and keeps\n${" ".repeat(17)}what it was given.`);
    expect(wrapped("  \u001b[36m->\u001b[39m Try it again in a moment.", 20)).toBe(
      "  \u001b[36m->\u001b[39m Try it again in\n     a moment.",
    );
    expect(wrapped("also: host (--type host), pool (--type pool)", 30)).toBe(
      "also: host (--type host), pool\n(--type pool)",
    );
  });

  it("leaves a command that is to be copied whole, and everything in a pipe", () => {
    expect(wrapped("Change it with: npx switchyard edit a-long-name, or not at all", 40)).toBe(
      "Change it with:\nnpx switchyard edit a-long-name, or not\nat all",
    );
    expect(wrapped("Try: npx switchyard run rack vm.power stop vm/1 --yes", 30)).toBe(
      "Try:\nnpx switchyard run rack vm.power stop vm/1 --yes",
    );
    expect(wrapped(words, Number.POSITIVE_INFINITY)).toBe(words);
  });

  it("is broken wherever a person is told something beside the output", () => {
    let err = "";
    const stderr = { isTTY: true, columns: 30, write: (text: string) => (err += text) };
    const terminal = createTerminal({ stdin: process.stdin, stdout: stderr, stderr, environment: {} });
    terminal.note("Nothing was looked at here until now.");
    expect(err).toBe("Nothing was looked at here\nuntil now.\n");
  });
});
