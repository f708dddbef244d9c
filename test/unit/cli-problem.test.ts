/** What went wrong, as the command line tells it: each thing once, in a person's own words, and what to do next. */
import { describe, expect, it } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import { type Advice, printFailure, wrongLines } from "../../src/cli/view/problem.ts";
import { createTerminal } from "../../src/cli/view/terminal.ts";

const plainText = (_style: unknown, text: string): string => text;

describe("a problem", () => {
  const advice = { facts: [], hints: [] };

  it("says each field once, under the head of its detail", () => {
    const errors = [
      { pointer: "/config/host", message: "expected a text, got 1" },
      { pointer: "/config/port", message: "expected at most 65535, got 70000" },
    ];
    const detail = `The configuration does not fit x: ${errors.map(({ pointer, message }) => `${pointer} ${message}`).join("; ")}.`;
    const lines = wrongLines({ code: "config_invalid", title: "Wrong", detail, errors }, plainText, advice);
    expect(lines.slice(0, 4)).toEqual([
      "error Wrong (config_invalid)",
      "  The configuration does not fit x:",
      "  /config/host expected a text, got 1",
      "  /config/port expected at most 65535, got 70000",
    ]);
  });

  it("keeps a detail that says more than its fields", () => {
    const errors = [{ pointer: "/name", message: "expected a name that is not in use" }];
    const facts = { code: "name_taken", title: "Taken", detail: "An instance named x exists.", errors };
    const lines = wrongLines(facts, plainText, advice);
    expect(lines).toContain("  An instance named x exists.");
    expect(lines).toContain("  /name expected a name that is not in use");
  });

  it("does not call a job that failed half-way partial", () => {
    const details = { steps_done: 1, outcome: "partial", next: "read_back" };
    const lines = wrongLines({ code: "device_error", title: "T", detail: "D", details }, plainText, advice);
    expect(lines.join("\n")).not.toContain("partial");
  });

  it("names the capability or method that manifest and driver differ about, unless the message does", () => {
    const errors = {
      schema_error: [
        { pointer: "/capabilites", message: 'expected one of a, b, got "capabilites"', line: 3, column: 1 },
      ],
      capability_mismatch: [{ capability: "key.value", message: "expected a method key_value, got none" }],
      capability_signature: [{ method: "key_value", message: "expected at most one parameter (the call), got 2" }],
      requires_unmet: [{ requirement: "node", message: "expected node >=99, got 26" }],
    };
    const text = wrongLines(
      { code: "pack_invalid", title: "T", detail: "D", details: { errors } },
      plainText,
      advice,
    ).join("\n");
    expect(text).toContain("capability_mismatch: key.value: expected a method key_value, got none");
    expect(text).toContain("capability_signature: key_value: expected at most one parameter");
    expect(text).toContain("requires_unmet: expected node >=99, got 26");
  });

  it("shows what the device was told last as its plan did", () => {
    const write = { transport: "tcp", request: { transport: "tcp", send: [["set k 0 0 2", "on"]] }, state: "sent" };
    const details = { last_write: write };
    const lines = wrongLines({ code: "device_error", title: "T", detail: "D", details }, plainText, advice);
    expect(lines).toContain("  the device was told: set k 0 0 2 ⏎ on");
  });

  it("points to what helps: the fields of a type, and not to the plan that stands above", () => {
    type Shown = Partial<Advice> & { readonly detail?: string; readonly details?: unknown };
    const hintsOf = (code: string, { detail = "D", details, ...shown }: Shown = {}) =>
      wrongLines({ code, title: "T", detail, details }, plainText, { ...advice, ...shown }).join("\n");
    const action = {
      instance: ["rack 3"],
      capability: ["vm.power"],
      verb: ["stop"],
      target: ["vm/1", "--param", "a=b"],
    };
    expect(hintsOf("config_invalid", { known: { type: ["acme.lamp"] } })).toMatch(
      /npx switchyard add acme.lamp --help$/,
    );
    expect(hintsOf("config_invalid", { known: action })).toMatch(/npx switchyard edit 'rack 3' --help$/);
    expect(hintsOf("params_invalid", { known: { ...action, "plan|run": ["plan"] } })).toMatch(
      /npx switchyard plan 'rack 3' vm.power --help$/,
    );
    const plan = "npx switchyard plan 'rack 3' vm.power stop vm/1 --param a=b";
    expect(hintsOf("plan_blocked", { known: action })).toContain(plan);
    expect(hintsOf("plan_blocked", { known: action, isSaid: true })).not.toContain("npx switchyard plan");
    const preconditions = [{ check: "ups_free", ok: false }];
    const blocked = { known: action, details: { preconditions } };
    expect(hintsOf("plan_blocked", blocked)).toContain(plan);
    expect(hintsOf("plan_blocked", { ...blocked, detail: "It does not hold: ups_free." })).not.toContain("->");
    const other = { known: { other: ["job_2"] } };
    expect(hintsOf("action_conflict", other)).toMatch(/watch job_2\n.*cancel job_2$/);
    expect(hintsOf("undo_conflict", { known: { job: ["job_1"] } })).toMatch(/npx switchyard show job_1$/);
  });

  it("leaves out what to do where a word of the command is not known", () => {
    const lines = wrongLines({ code: "config_invalid", title: "T", detail: "D" }, plainText, advice);
    expect(lines).toEqual(["error T (config_invalid)", "  D"]);
  });

  it("of a request is told in the options that it was made with, and in the API's own words where those were used", () => {
    const errors = [
      ...["/config/host", "/secrets/api_token", "/params/state", "/query/limit", "/name", "/target/id"],
    ].map((pointer) => ({ pointer, message: "expected a value, got nothing" }));
    const detail = "The verb is destructive: plan it and apply that plan, or send confirm: true.";
    const problem = { code: "x", title: "T", detail, errors };
    const said = (isRaw: boolean): string[] => {
      let text = "";
      const stderr = { write: (more: string) => (text += more) };
      const terminal = createTerminal({ stdin: process.stdin, stdout: stderr, stderr, environment: {} });
      printFailure(terminal, new CliFailure(2, problem, [], { isRaw }), { isJson: false });
      return text.trimEnd().split("\n").slice(1);
    };
    expect(said(false)).toEqual([
      "  The verb is destructive: plan it and apply that plan, or add --yes.",
      ...["--set host", "--secret api_token", "--param state", "--limit", "--name", "/target/id"].map(
        (place) => `  ${place} expected a value, got nothing`,
      ),
    ]);
    expect(said(true)).toEqual([`  ${detail}`, ...errors.map(({ pointer, message }) => `  ${pointer} ${message}`)]);
  });

  it("lets nothing move the cursor", () => {
    const facts = { code: "x", title: "T\u001b[2J", detail: "D\u0007\u009b31m" };
    expect(wrongLines(facts, plainText, advice).join("\n")).not.toMatch(/[\u001b\u0007\u009b]/);
  });
});
