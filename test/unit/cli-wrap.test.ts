/** What a person reads at a terminal ends its lines where words end. */
import { describe, expect, it } from "vitest";
import { call } from "../../src/cli/called.ts";
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

  it("leaves what is quoted in a command whole, whatever is in it", () => {
    const plan = "npx switchyard plan lab x y z --param 'a, b=1' --param c=2";
    expect(wrapped(`Try it: ${plan}, or not`, 60)).toBe(`Try it:\n${plan},\nor not`);
    const test = call("test", "Bob's, left: 'a; b'");
    expect(wrapped(`Then: ${test}; that's it, isn't it`, 55)).toBe(`Then:\n${test};\nthat's it, isn't it`);
    const jobs = "npx switchyard jobs of the lab's, if it's there";
    expect(wrapped(jobs, 40)).toBe("npx switchyard jobs of the lab's, if\nit's there");
  });

  it("may end in as many blanks as it likes", () => {
    const started = performance.now();
    expect(wrapped(`one two${" ".repeat(100_000)}`, 5)).toBe("one\ntwo");
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("is broken wherever a person is told something beside the output", () => {
    let err = "";
    const stderr = { isTTY: true, columns: 30, write: (text: string) => (err += text) };
    const terminal = createTerminal({ stdin: process.stdin, stdout: stderr, stderr, environment: {} });
    terminal.note("Nothing was looked at here until now.");
    expect(err).toBe("Nothing was looked at here\nuntil now.\n");
  });
});
