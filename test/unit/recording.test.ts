/** The format of recordings, the words of a call, stand-ins, and how a difference is told. */
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../src/model/manifest.ts";
import { nearestOf } from "../../src/recording/difference.ts";
import { formatVersion, parseRecording, type Recording, recordingText } from "../../src/recording/format.ts";
import { parseCall } from "../../src/recording/script.ts";
import { withStandIns } from "../../src/recording/stand-ins.ts";

const head = {
  switchyard_recording: formatVersion,
  core: "1.0.0",
  pack: { id: "acme.lamp", version: "1.0.0", digest: "d" },
  config: { host: "10.1.2.3" },
  secrets: ["token"],
  recorded_at: "2026-11-21T00:00:00.000Z",
};
const recordingOf = (answer: unknown, result: unknown = null): Recording => ({
  head,
  calls: [
    {
      call: "inventory_list type=lamp",
      exchanges: [{ seq: 1, transport: "http", request: { path: "/lamps" }, answer: answer as never, ms: 1 }],
      result: result as never,
    },
  ],
});
const manifestWith = (...redact: string[]) => ({ transports: { http: { redact } } }) as unknown as Manifest;

describe("a recording's file", () => {
  it("is read as it was written", () => {
    const failed = { call: "test_connection", exchanges: [], error: { code: "auth_failed", message: "no" } };
    const recording = { head, calls: [...recordingOf({ status: 200 }, [1]).calls, failed] };
    expect(parseRecording(recordingText(recording), "one.jsonl")).toEqual(recording);
  });

  it.each([
    [
      "another version",
      JSON.stringify({ ...head, switchyard_recording: 7 }),
      /format 1, got 7: record it again with `switchyard record`/,
    ],
    ["no first line", '{"call":"test_connection"}', /without its first line/],
    ["an empty file", "", /without its first line/],
    ["a broken line", `${JSON.stringify(head)}\n{"call`, /one\.jsonl:2: expected a JSON object/],
    ["a request before a call", `${JSON.stringify(head)}\n{"seq":1,"request":{}}`, /expected a call before/],
  ])("with %s is refused with the next step", (_, text, said) => {
    expect(() => parseRecording(text, "one.jsonl")).toThrow(
      expect.objectContaining({ code: "recording_invalid", message: expect.stringMatching(said) }),
    );
  });
});

describe("a call in words", () => {
  it("names a verb, its target and parameters, quoted where they hold spaces", () => {
    expect(parseCall('plan vm.lifecycle shutdown vm/100 timeout=30 note="by hand"')).toEqual({
      kind: "plan",
      action: {
        capability: "vm.lifecycle",
        verb: "shutdown",
        target: { type: "vm", id: "100" },
        texts: { timeout: "30", note: "by hand" },
      },
    });
    expect(parseCall("run poe.port off port/1/A1-A4")).toMatchObject({
      action: { target: { type: "port", id: "1/A1-A4" } },
    });
  });

  it.each([
    "",
    "test",
    "inventory_list",
    "inventory_list type=vm more=1",
    "plan vm.lifecycle start",
    "run a b vm",
    "undo all",
  ])("%j is refused with the forms there are", (text) =>
    expect(() => parseCall(text)).toThrow(/A call is one of:\ntest_connection/),
  );
});

describe("what `redact` names", () => {
  it("is the same stand-in wherever it stands, so that joins still work", () => {
    const body = JSON.stringify({
      rows: [
        { serial: "SN-4711", peer: "SN-4712" },
        { serial: "SN-4712", peer: "SN-4711" },
      ],
    });
    const recording = recordingOf({ status: 200, body }, [{ external_id: "SN-4711" }, { external_id: "SN-4712" }]);
    const { calls } = withStandIns(recording, manifestWith("/rows/*/serial"));
    const replaced = JSON.parse((calls[0]!.exchanges[0]!.answer as { body: string }).body);
    expect(replaced.rows).toEqual([
      { serial: "redacted-1", peer: "redacted-2" },
      { serial: "redacted-2", peer: "redacted-1" },
    ]);
    expect(calls[0]?.result).toEqual([{ external_id: "redacted-1" }, { external_id: "redacted-2" }]);
    expect(JSON.stringify(calls)).not.toContain("SN-47");
  });

  it("keeps the form of addresses and numbers, and reaches the config", () => {
    const body = JSON.stringify({ ip: "10.1.2.3", mac: "aa:bb:cc:dd:ee:ff", asset: 471_100 });
    const { head: cleaned, calls } = withStandIns(recordingOf({ body }), manifestWith("/ip", "/mac", "/asset"));
    const replaced = JSON.parse((calls[0]!.exchanges[0]!.answer as { body: string }).body);
    expect(replaced).toEqual({ ip: "192.0.2.2", mac: "02:00:00:00:00:02", asset: 900_003 });
    expect(cleaned.config).toEqual({ host: "192.0.2.2" });
  });

  it("is found in what an SNMP agent and a command line answer, wherever it stands among the others", () => {
    const rows = { base: "1.3.6.1.2.1.47.1.1.1.1.11.", names: ["1", "2"], values: ["SG00AA0001", "none"], hex: [] };
    const text = "Serial Number : SG00AA0001\r\n";
    const { calls } = withStandIns(recordingOf({ stdout: text, rows }), manifestWith("\\bSG\\d\\d\\w{6}\\b"));
    expect(calls[0]?.exchanges[0]?.answer).toEqual({
      stdout: "Serial Number : redacted-1\r\n",
      rows: { ...rows, values: ["redacted-1", "none"] },
    });
  });

  it("may be a pattern, whose first group is what is replaced", () => {
    const { calls } = withStandIns(
      recordingOf({ stdout: "Serial: X1Y2Z3\nOwner: X1Y2Z3" }),
      manifestWith("Serial: (\\S+)"),
    );
    expect(calls[0]?.exchanges[0]?.answer).toEqual({ stdout: "Serial: redacted-1\nOwner: redacted-1" });
  });
});

describe("the nearest recorded request", () => {
  it("is the one with most in common, and every difference is told", () => {
    const asked = { method: "GET", path: "/api/v1/target", query: [["state", "any"]] };
    const recorded = [
      { method: "GET", path: "/api/v1/rules" },
      { method: "GET", path: "/api/v1/targets", query: [["state", "active"]] },
    ];
    expect(nearestOf(asked, recorded)?.differences).toEqual([
      '/path: recorded "/api/v1/targets", asked "/api/v1/target"',
      '/query/0/1: recorded "active", asked "any"',
    ]);
    expect(nearestOf(asked, [])).toBeNull();
  });
});
