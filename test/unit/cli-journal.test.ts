/** What was done, in the words of a plan: the writes of a job, and the job itself in a few words. */
import { describe, expect, it } from "vitest";
import { subjectOf } from "../../src/cli/view/job.ts";
import { answerText, requestText } from "../../src/cli/view/journal.ts";

describe("the journal as it is shown", () => {
  const entry = {
    ...{ index: 0, attempt: 1, transport: "http", idempotent: false, sent_at: "2026-01-01T00:00:00Z" },
    request: { method: "POST", path: "/vm/1/stop" },
  };

  it("names what was sent and what the device called its task", () => {
    const answered_at = "2026-01-01T00:00:01Z";
    const answer = { ok: true, status: 200, answer: { status: 200, headers: {}, body: '{"data":"UPID:pve:1"}' } };
    expect(requestText({ ...entry, answered_at, answer })).toBe("POST /vm/1/stop");
    expect(answerText({ ...entry, answered_at, answer })).toBe("200 UPID:pve:1");
    expect(answerText({ ...entry, answered_at: null, answer: null })).toBe("not answered");
    expect(answerText({ ...entry, answered_at, answer: { ok: true, exit_code: 0 } })).toContain("exit_code");
  });

  it.each([
    {
      what: "lines of ssh",
      request: { transport: "ssh", commands: ["configure", "interface 1/5", "disable", "end"] },
      answer: { ok: true, status: null, answer: { results: [{ command: "end", stdout: "", stderr: "" }] } },
      sent: "configure; interface 1/5; disable; end",
      said: "done",
    },
    {
      what: "a line of ssh that was not taken",
      request: { transport: "ssh", commands: ["disable"] },
      answer: { ok: false, status: null, answer: { results: [{ command: "disable", stdout: "Invalid input" }] } },
      sent: "disable",
      said: "refused Invalid input",
    },
    {
      what: "a file",
      request: { transport: "ssh", put: { path: "/etc/motd", base64: "" } },
      answer: { ok: true, status: 0, answer: null },
      sent: "PUT /etc/motd",
      said: "0",
    },
    {
      what: "a line over tcp",
      request: { transport: "tcp", send: ["verbosity 1"] },
      answer: { ok: true, status: null, answer: { lines: ["OK"] } },
      sent: "verbosity 1",
      said: "done OK",
    },
    {
      what: "lines over tcp that go together",
      request: { transport: "tcp", send: [["set k 0 0 2", "on"], "save"] },
      answer: { ok: true, status: null, answer: { lines: ["STORED", "OK"] } },
      sent: "set k 0 0 2 ⏎ on; save",
      said: "done STORED; OK",
    },
    {
      what: "a set",
      request: { transport: "snmp", set: [{ oid: "1.3.6.1", type: "Integer", value: 1 }] },
      answer: { ok: false, status: 17, answer: { set: [], error: "NotWritable: 1.3.6.1" } },
      sent: "SET 1.3.6.1 = 1",
      said: "17 NotWritable: 1.3.6.1",
    },
  ])("shows $what as its plan did, and what was said to it", ({ request, answer, sent, said }) => {
    const answered_at = "2026-01-01T00:00:01Z";
    expect(requestText({ ...entry, request, answered_at, answer })).toBe(sent);
    expect(answerText({ ...entry, request, answered_at, answer })).toBe(said);
  });
});

describe("a job in few words", () => {
  const job = (kind: string, input: object) =>
    subjectOf({ kind, input, subject: { instance_id: "ins_1", target: { type: "server", id: "main" } } } as never);

  it("names the capability of an action", () => {
    const input = { capability: "key.value", verb: "set" };
    expect(job("action.run", input)).toBe("key.value set server/main");
    expect(job("action.plan", input)).toBe("plan key.value set server/main");
  });

  it("tells an undo from an action", () => {
    const undo = { kind: "action.run", input: { capability: "key.value", verb: "set" }, subject: {}, undo_of: "job_1" };
    expect(subjectOf(undo as never)).toBe("key.value set (undo)");
  });

  it.each([
    { result: { type_id: "test.lamp" } },
    { result: null, error: { code: "pack_invalid", details: { type_id: "test.lamp" } } },
  ])("names the pack of an install that ended: %j", (end) => {
    expect(subjectOf({ kind: "pack.install", input: {}, subject: {}, ...end } as never)).toBe("install test.lamp");
  });
});
