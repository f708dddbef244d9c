/** What the command line makes of a job's end, of what reaches a terminal, and of a table that is too wide. */
import { describe, expect, it } from "vitest";
import { exitOfJob, exitOfStatus } from "../../src/cli/exit-codes.ts";
import { printJson } from "../../src/cli/session.ts";
import { timeOf } from "../../src/cli/values.ts";
import { fieldWords } from "../../src/cli/view/fields.ts";
import { isNoop, printPlan } from "../../src/cli/view/plan.ts";
import { type Column, printTable } from "../../src/cli/view/table.ts";
import { createTerminal } from "../../src/cli/view/terminal.ts";
import { jobStates } from "../../src/model/job.ts";
import { nearest } from "../../src/model/nearest.ts";

describe("the exit code", () => {
  it("of each state of a job is the one that the docs list", () => {
    const codes = Object.fromEntries(jobStates.map((state) => [state, exitOfJob({ state, error: null })]));
    expect(codes).toEqual({
      ...{ queued: 0, running: 0, retrying: 0, succeeded: 0, failed: 1, timed_out: 124, cancelled: 6 },
      ...{ unknown_outcome: 7, partial: 8 },
    });
  });

  it("is 4 for a job that failed because its target is not there, 1 for every other failure", () => {
    const end = (code: string) => exitOfJob({ state: "failed", error: { code } });
    expect(end("target_not_found")).toBe(4);
    expect(end("permission_denied_remote")).toBe(1);
    expect(end("device_error")).toBe(1);
    expect(exitOfJob({ state: "cancelled", error: { code: "target_not_found" } })).toBe(6);
  });

  it("of each refusal says who has to do something", () => {
    const codes = [400, 401, 403, 404, 405, 409, 413, 429, 500, 503, 504].map((status) => [
      status,
      exitOfStatus(status),
    ]);
    expect(Object.fromEntries(codes)).toEqual({
      ...{ 400: 2, 401: 3, 403: 3, 404: 4, 405: 2, 409: 1, 413: 2, 429: 1, 500: 1, 503: 1, 504: 1 },
    });
  });
});

describe("a field", () => {
  it("that has a default is not called required: nobody has to give it", () => {
    const port = { type: "integer", default: 8006 };
    expect(fieldWords(port, true)).toBe("integer, default 8006");
    expect(fieldWords({ type: "integer" }, true)).toBe("integer, required");
  });
});

describe("a table", () => {
  interface Row {
    readonly id: string;
    readonly text: string;
    readonly more: string;
  }
  const columns: readonly Column<Row>[] = [
    { title: "ID", isWhole: true, value: ({ id }) => id, short: ({ id }) => id.slice(0, 12) },
    { title: "TEXT", value: ({ text }) => text },
    { title: "MORE", isExtra: true, value: ({ more }) => more },
  ];
  const row = { id: "id_0123456789abcdef", text: "a text of some length", more: "what may go" };
  const lines = (width: number | undefined, shown: Row = row): string[] => {
    let out = "";
    const stdout = {
      isTTY: width !== undefined,
      ...(width === undefined ? {} : { columns: width }),
      write: (text: string) => (out += text),
    };
    const stdin = process.stdin;
    const terminal = createTerminal({ stdin, stdout, stderr: stdout, environment: { NO_COLOR: "1" } });
    printTable(terminal, [shown], columns, "none");
    return out.trimEnd().split("\n");
  };

  it("shows all where there is room, and in a pipe", () => {
    for (const width of [undefined, 120])
      expect(lines(width)[1]).toBe("id_0123456789abcdef  a text of some length  what may go");
  });

  it("takes a terminal that does not know its width for a usual one", () => {
    expect(lines(0)).toEqual(lines(80));
  });

  it("stands in columns in a pipe as well, however long a cell is", () => {
    const rows = [
      { id: "a", note: "x".repeat(90), end: "1" },
      { id: "b", note: "short", end: "2" },
    ];
    const shown: Column<(typeof rows)[number]>[] = [
      { title: "ID", value: ({ id }) => id },
      { title: "NOTE", value: ({ note }) => note },
      { title: "END", value: ({ end }) => end },
    ];
    let out = "";
    const stdout = { write: (text: string) => (out += text) };
    const terminal = createTerminal({ stdin: process.stdin, stdout, stderr: stdout, environment: {} });
    printTable(terminal, rows, shown, "none");
    const [head = "", long = "", short = ""] = out.split("\n");
    expect(long).toBe(`a   ${"x".repeat(90)}  1`);
    expect([short.indexOf("2"), long.indexOf("1")]).toEqual([head.indexOf("END"), head.indexOf("END")]);
  });

  it("first says in less room what can be, then leaves out what may go, then cuts; what identifies a row stays", () => {
    expect(lines(48)[1]).toBe("id_012345678  a text of some length  what may go");
    expect(lines(36)[1]).toBe("id_012345678  a text of some length");
    expect(lines(28)[1]).toBe("id_012345678  a text of som…");
    expect(lines(20)[1]).toBe("id_012345678  a tex…");
    expect(lines(19)[1]).toBe("id_012345678");
    expect(lines(10)[1]).toBe("id_012345…");
  });

  it("says at a terminal which columns had no room, behind the rows", () => {
    expect(lines(undefined)).toHaveLength(2);
    expect(lines(48)).toHaveLength(2);
    expect(lines(36).slice(2).join(" ")).toBe("left out: MORE (widen the terminal or use --json)");
    expect(
      lines(19)
        .slice(2)
        .map((line) => line.trim())
        .join(" "),
    ).toContain("left out: TEXT, MORE (widen");
  });

  it("shows a value that is not there as a dash", () => {
    expect(lines(undefined, { ...row, text: "" })[1]).toBe(`${row.id}  -     what may go`);
  });
});

describe("what reaches a terminal", () => {
  const stream = () => {
    const said: string[] = [];
    return { isTTY: true, columns: 120, write: (text: string) => said.push(text), said };
  };
  const opened = () => {
    const [stdout, stderr] = [stream(), stream()];
    const terminal = createTerminal({ stdin: process.stdin, stdout, stderr, environment: {} });
    return { terminal, said: () => [...stdout.said, ...stderr.said].join("") };
  };
  const signs = "\u001b[2J\u001b]0;title\u0007\u009b2J\rover\u202eevil\u2066";

  it("is no sign that moves the cursor or turns the reading around, whoever prints it", () => {
    const { terminal, said } = opened();
    terminal.print(`before ${signs} after`);
    terminal.note(signs);
    printTable(terminal, [{ id: signs }], [{ title: signs, value: ({ id }) => id }], "none");
    expect(said()).not.toMatch(
      /\u001b(?!\[[\d;]*m)|[\u0000-\u0008\u000b-\u001a\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
    );
    expect(said()).toMatch(/before .+ after/);
  });

  it("keeps our own colours", () => {
    const { terminal, said } = opened();
    terminal.print(`${terminal.style(["bold", "red"], "failed")} as \u00e4\u{1f600}\tsaid`);
    expect(said()).toBe("\u001b[1m\u001b[31mfailed\u001b[39m\u001b[22m as \u00e4\u{1f600}\tsaid\n");
  });

  it("means the same as a document: what is left out of its text is written as an escape", () => {
    const { terminal, said } = opened();
    printJson({ terminal }, { [signs]: signs });
    expect(said()).not.toMatch(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069\u001b]/);
    expect(JSON.parse(said())).toEqual({ [signs]: signs });
  });
});

describe("a plan", () => {
  it("shows why a precondition does not hold", () => {
    let out = "";
    const stdout = { write: (text: string) => (out += text) };
    const terminal = createTerminal({ stdin: process.stdin, stdout, stderr: stdout, environment: {} });
    printPlan(terminal, {
      ...{ plan_id: "pln_1", expires_at: "", ok: false, severity: "info", pinned: true, plan: {} },
      effects: { summary: "", per_target: [] },
      preconditions: [
        { check: "exists", ok: true },
        { check: "value_can_be_put_back", ok: false, details: "The value is not text." },
      ],
    });
    expect(out).toContain("  ok      exists\n  not ok  value_can_be_put_back  The value is not text.\n");
  });

  it("shows a call in as many rows as it needs, with every sign of it", () => {
    let out = "";
    const stdout = { isTTY: true, columns: 30, write: (text: string) => (out += text) };
    const environment = { NO_COLOR: "1" };
    const terminal = createTerminal({ stdin: process.stdin, stdout, stderr: stdout, environment });
    const preview = ['PUT /api/x {"a":"one  two three"}\nheader x-do: reboot', "PUT /b"];
    printPlan(terminal, {
      ...{ plan_id: "pln_1", expires_at: "", ok: true, severity: "info", pinned: true, plan: { preview } },
      ...{ effects: { summary: "", per_target: [] }, preconditions: [] },
    });
    expect(out).toContain(
      'Calls\n  1. PUT /api/x {"a":"one  \n     two three"}\n     header x-do: reboot\n  2. PUT /b\n',
    );
  });

  it.each([0, 1])("breaks no sign of a call in two, %i columns further on", (columns) => {
    let out = "";
    const stdout = { isTTY: true, columns: 30, write: (text: string) => (out += text) };
    const terminal = createTerminal({ stdin: process.stdin, stdout, stderr: stdout, environment: { NO_COLOR: "1" } });
    const text = "x".repeat(columns) + "\u{1f600}".repeat(30);
    printPlan(terminal, {
      ...{ plan_id: "pln_1", expires_at: "", ok: true, severity: "info", pinned: true, plan: { preview: [text] } },
      ...{ effects: { summary: "", per_target: [] }, preconditions: [] },
    });
    for (const line of out.split("\n")) expect(line.isWellFormed(), line).toBe(true);
    expect(out.replaceAll(/\s/g, "")).toContain(`1.${text}`);
  });

  it("does nothing when it sends nothing and changes nothing, as far as it is pinned", () => {
    const effects = { summary: "", per_target: [{ id: "1", from: "off", to: "off" }] };
    const facts = { plan_id: "pln_1", expires_at: "", ok: true, severity: "info", preconditions: [], effects };
    expect(isNoop({ ...facts, pinned: true, plan: { preview: [] } })).toBe(true);
    expect(isNoop({ ...facts, pinned: false, plan: { preview: [] } })).toBe(false);
    expect(isNoop({ ...facts, pinned: true, plan: { preview: ["POST /"] } })).toBe(false);
  });
});

describe("words", () => {
  it("that are near are found, and a time may be said as so long ago", () => {
    expect(nearest("shutdwon", ["start", "shutdown"])).toEqual(["shutdown"]);
    expect(nearest("zzz", ["start", "shutdown"])).toEqual([]);
    const now = Date.parse("2026-01-02T00:00:00Z");
    expect(timeOf("2h", now)).toBe("2026-01-01T22:00:00.000Z");
    expect(timeOf("2026-01-01T12:00Z", now)).toBe("2026-01-01T12:00:00.000Z");
    expect(() => timeOf("soon", now)).toThrow(/30min/);
  });

  it("that name a time to come count from now on, and a lone number is no time", () => {
    const now = Date.parse("2026-01-02T00:00:00Z");
    expect(timeOf("2h", now, "to come")).toBe("2026-01-02T02:00:00.000Z");
    expect(timeOf("2026-01-03", now, "to come")).toBe("2026-01-03T00:00:00.000Z");
    for (const text of ["5", "8 hours 1", "2026-1-3"]) expect(() => timeOf(text, now), text).toThrow(/30min/);
  });
});
