/** A command line that cannot be meant is refused in words, and as a document where one was asked for. */
import { afterAll, describe, expect, it } from "vitest";
import { openAuthor } from "../kit/author.ts";

const author = openAuthor();
afterAll(() => author.dispose());

describe("what the parser of options refuses", () => {
  it.each([
    [["plan", "a"], "missing required argument 'capability'"],
    [["tset"], "unknown command 'tset' (Did you mean test?)"],
    [["jobs", "--knd"], "unknown option '--knd' (Did you mean --kind?)"],
    [["add", "acme.lamp"], "required option '--name <name>' not specified"],
    [["test", "lamp", "--timeout", "soon"], "Expected seconds, such as 30."],
    [["jobs", "--kind", "action.rum"], "--kind action.rum: expected one of"],
    [["token"], "Expected a command, got none."],
  ])("%j is a problem document with --json, beside the words for a person", async (args, words) => {
    const plain = await author.run(args);
    expect(plain).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/./) });
    const { code, out, err } = await author.run([...args, "--json"]);
    expect({ code, err }).toEqual({ code: 2, err: plain.err });
    const { title, code: name, detail } = JSON.parse(out) as Record<string, string>;
    expect({ title, name }).toEqual({ title: "The command is not used as it should be", name: "usage" });
    expect(detail).toContain(words);
  });
});

describe("what is not used as it should be", () => {
  it.each([
    [["frob"], "Unknown command 'frob'.", ["How it is used: npx switchyard --help"]],
    [
      ["jobs", "--knd"],
      "Unknown option '--knd'.",
      ["Did you mean --kind?", "How it is used: npx switchyard jobs --help"],
    ],
    [
      ["token", "creat"],
      "Unknown command 'creat'.",
      ["Did you mean create?", "How it is used: npx switchyard token --help"],
    ],
    [["plan", "a"], "Missing required argument 'capability'.", ["How it is used: npx switchyard plan --help"]],
  ])("%j is told as every other failure, with what to do next", async (args, detail, steps) => {
    const { err } = await author.run(args);
    const head = "error The command is not used as it should be (usage)";
    expect(err.trimEnd().split("\n")).toEqual([head, `  ${detail}`, ...steps.map((step) => `  -> ${step}`)]);
  });

  it("shows the commands of a word that only gathers others", async () => {
    const { err } = await author.run(["token"]);
    expect(err).toMatch(/^Usage: switchyard token /);
    expect(err).not.toContain("(usage)");
  });
});

describe("help", () => {
  it("of a command is the same before it and behind it", async () => {
    const { out } = await author.run(["plan", "--help"]);
    expect(out).toContain("Usage: switchyard plan ");
    for (const args of [
      ["help", "plan"],
      ["help", "plan", "--json"],
    ])
      expect(await author.run(args)).toEqual({ code: 0, out, err: "" });
    const { out: create } = await author.run(["help", "token", "create"]);
    expect(create).toContain("Usage: switchyard token create ");
    expect(await author.run(["help"])).toMatchObject({ code: 0, out: expect.stringContaining("Usage: switchyard ") });
  });

  it("of all commands is readable at 80 columns: each says within them what it is for", async () => {
    const { out } = await author.run(["--help"], { answers: [], columns: 80 });
    const lines = out.trimEnd().split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const at = lines.indexOf("  plan <instance> <capability> <verb> <target>");
    expect(lines[at + 1]).toMatch(/^ {24,30}show what an action would do/);
    expect(out).toMatch(/^ {2}cancel <job> {8,}ask a job to stop$/m);
  });

  it("of what a server would say more of is there without one", async () => {
    const helped = await author.run(["add", "acme.lamp", "--help"]);
    expect(helped).toMatchObject({ code: 0, err: "", out: expect.stringContaining("Usage: switchyard add ") });
  });

  it("of an option that may be repeated says nothing of an empty list", async () => {
    const { out } = await author.run(["add", "--help"]);
    expect(out).toContain("may be repeated");
    expect(out).not.toContain("default: []");
  });

  it.each([[["help", "plann"]], [["plann", "--help"]], [["help", "token", "creat"]]])(
    "of a command that there is not, %j, says so, with what is near",
    async (args) => {
      const { code, out, err } = await author.run(args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toMatch(/\(usage\)\n {2}Unknown command '(plann|creat)'\.\n {2}-> Did you mean (plan|create)\?\n/);
    },
  );
});
