/** The transports of a driver in Python: what each of its requests asks of the runner, and what it makes of the answer. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/model/json.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import type { Bench } from "../kit/sandbox.ts";

const driver = `
class D:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def ask(self, params):
        adapter = await self.transports.get(params["name"])
        await adapter.prepare({})
        timeout_s = params.get("timeout_s")
        answers = []
        for request in params["requests"]:
            if request.get("bytes"):
                request = {**request, "content": bytes(request.pop("bytes"))}
            answers.append(await adapter.call(request, **({} if timeout_s is None else {"timeout_s": timeout_s})))
        await adapter.close()
        await self.transports.close_all()
        for answer in answers:
            answer.pop("latency_ms")
        return answers
`;

type Answers = (op: string, args: JsonObject) => Json;
const told: Record<string, Answers> = {
  http: () => ({ status: 200, headers: { "content-type": "application/json" }, body: '{"v":1}', latency_ms: 1 }),
  ssh: (_, { command }) => ({ exit_code: command === "show two" ? 3 : 0, stdout: `<${command}>`, stderr: "no" }),
  snmp: (op) =>
    op === "snmp.set"
      ? { error: null, at: null }
      : { base: "1.3.6.1.2.1.1.", names: ["1.0", "6.0"], types: [4, 4], values: ["a switch", "00ff"], hex: [1] },
};

describe.skipIf(!canRunPython)("a driver in Python", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openPythonBench({ "driver.py": driver });
  });
  afterAll(() => bench?.close());

  const asking = async (name: string, requests: readonly JsonObject[], more: JsonObject = {}) => {
    const asked: [string, JsonObject][] = [];
    const answers = (await bench.call(
      "ask",
      { params: { name, requests: requests as unknown as Json, ...more } },
      {
        ask: async (op, args) => {
          asked.push([op, args as JsonObject]);
          return told[name]?.(op, args as JsonObject) ?? null;
        },
      },
    )) as unknown as JsonObject[];
    return { asked, answers };
  };

  const requests: readonly [string, JsonObject, JsonObject][] = [
    [
      "a method in small letters and a path without its slash",
      { method: "post", path: "a" },
      { method: "POST", path: "/a" },
    ],
    [
      "a query in the path before one beside it, lists one by one, truth in small letters",
      { path: "/a?x=1&y=", params: { b: true, c: [1, 2], d: null } },
      {
        method: "GET",
        path: "/a",
        query: [
          ["x", "1"],
          ["y", ""],
          ["b", "true"],
          ["c", "1"],
          ["c", "2"],
          ["d", ""],
        ],
      },
    ],
    [
      "headers as texts, without those that have no value",
      { path: "/a", headers: { one: 1, none: null } },
      { method: "GET", path: "/a", headers: { one: "1" } },
    ],
    [
      "a whole URL with a path behind it",
      { url: "http://h/api/", path: "v" },
      { method: "GET", url: "http://h/api/v" },
    ],
    ["a JSON body", { path: "/a", json: { a: [1] } }, { method: "GET", path: "/a", json: { a: [1] } }],
    [
      "a form",
      { path: "/a", data: { a: "1", b: [2, 3] } },
      {
        method: "GET",
        path: "/a",
        form: [
          ["a", "1"],
          ["b", "2"],
          ["b", "3"],
        ],
      },
    ],
    [
      "a text with its type",
      { path: "/a", data: "a=b", content_type: "text/x" },
      { method: "GET", path: "/a", text: "a=b", content_type: "text/x" },
    ],
    ["bytes", { path: "/a", bytes: [0, 255] }, { method: "GET", path: "/a", base64: "AP8=" }],
  ];
  test.each(requests)("asks over http with %s", async (_, request, expected) => {
    const { asked, answers } = await asking("http", [request], { timeout_s: 2.5 });
    expect(asked).toEqual([["http.request", { transport: "http", timeout_ms: 2_500, ...expected }]]);
    expect(answers).toEqual([
      { ok: true, status: 200, data: { v: 1 }, raw: '{"v":1}', headers: { "content-type": "application/json" } },
    ]);
  });

  test("over ssh runs one command after the other, and none after one that failed", async () => {
    const { asked, answers } = await asking("ssh", [{ commands: ["show one", "show two", "show three"], stdin: "in" }]);
    expect(asked.map(([op, args]) => [op, args])).toEqual([
      ["ssh.run", { transport: "ssh", command: "show one", stdin: "in" }],
      ["ssh.run", { transport: "ssh", command: "show two", stdin: "in" }],
    ]);
    expect(answers).toMatchObject([
      { ok: false, status: 3, raw: "<show one>\n<show two>", data: { exit_code: 3, stderr: "no\nno" } },
    ]);
  });

  test("over a shell sends lines of one session, with its prompt and what answers questions", async () => {
    const answers = [{ match: "y/n", send: "y" }];
    const shell = { shell: true, prompt: "^sw# $", answers };
    const { asked } = await asking("ssh", [
      { ...shell, commands: ["one", "show two"] },
      { command: "three", shell: true },
    ]);
    const session = asked[0]?.[1]["session"];
    const line = { transport: "ssh", session, options: { prompt: "^sw# $" }, answers };
    expect(asked).toEqual([
      ["ssh.line", { ...line, command: "one" }],
      ["ssh.line", { ...line, command: "show two" }],
      ["ssh.line", { transport: "ssh", session, options: {}, command: "three" }],
    ]);
  });

  test("over SNMP gets, walks and sets by names with or without a leading dot, and tells bytes as hex", async () => {
    const sets = [
      { oid: ".1.3.6.1.2.1.1.6.0", value: "Rack 1" },
      { oid: "1.3.6.1.4.1.9.0", value: 1 },
    ];
    const { asked, answers } = await asking("snmp", [
      { oid: ".1.3.6.1.2.1.1.1.0" },
      { op: "walk", oids: [".1.3.6.1.2.1.1", "1.3.6.1.2.1.2"] },
      { op: "set", set: sets },
      { op: "set", oid: "1.3.6.1.4.1.9.1", type: "Gauge", value: 7 },
    ]);
    expect(asked).toEqual([
      ["snmp.get", { transport: "snmp", oids: ["1.3.6.1.2.1.1.1.0"] }],
      ["snmp.walk", { transport: "snmp", oid: "1.3.6.1.2.1.1" }],
      ["snmp.walk", { transport: "snmp", oid: "1.3.6.1.2.1.2" }],
      [
        "snmp.set",
        {
          transport: "snmp",
          set: [
            { oid: "1.3.6.1.2.1.1.6.0", type: "OctetString", value: "Rack 1" },
            { oid: "1.3.6.1.4.1.9.0", type: "Integer", value: 1 },
          ],
        },
      ],
      ["snmp.set", { transport: "snmp", set: [{ oid: "1.3.6.1.4.1.9.1", type: "Gauge", value: 7 }] }],
    ]);
    const data = { "1.3.6.1.2.1.1.1.0": "a switch", "1.3.6.1.2.1.1.6.0": "0x00ff" };
    expect(answers.map(({ ok, data: got }) => [ok, got])).toEqual([
      [true, data],
      [true, data],
      [true, { error: null, at: null }],
      [true, { error: null, at: null }],
    ]);
  });

  test.each([
    ["http", "none of a dict", ["a"]],
    ["snmp", "an op of get, walk or set", [{ op: "bulk", oid: "1.3" }]],
  ])("is told over %s that its request is not of the form", async (name, _, given) => {
    await expect(asking(name, given as unknown as JsonObject[])).rejects.toMatchObject({ code: "driver_failed" });
  });
});
