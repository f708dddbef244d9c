/** A plan's preview: all that a step sends can be read in it, and two steps that send different things never look the same. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { type BenchFacts, openBench } from "../kit/transport-bench.ts";

const facts: BenchFacts = {
  transports: {
    http: { url: "http://{host}/api", places: ["/password"] },
    ssh: { host: "{host}", username: "u", password: "{secret:token}", host_key: "pin" },
    snmp: { host: "{host}", community: "{secret:token}" },
    tcp: { host: "{host}", port: 1, line: "\n" },
  },
  config: { host: "127.0.0.1", pin: `SHA256:${"A".repeat(43)}` },
  secrets: { token: "the-secret-token" },
  capability: {
    writes: [
      ...["PUT /x?*", "PUT /x/*"].map((pattern) => ({ http: pattern })),
      ...["PUT /etc/*", "do *", "do a; do b", "do a  b"].map((pattern) => ({ ssh: pattern })),
      ...["set *", "set a; set b", "set a ⏎ b", "set \u200b", "b"].map((pattern) => ({ tcp: pattern })),
      { snmp: "SET 1.3.*" },
    ],
  },
};
/** An instance with the transport of the steps alone: its previews have no need to name it. */
const onlyWith = (transport: string): BenchFacts => ({
  ...facts,
  transports: { [transport]: facts.transports?.[transport] ?? {} },
  capability: { writes: (facts.capability?.writes ?? []).filter((entry) => Object.hasOwn(Object(entry), transport)) },
});
const previewsOf = async (
  steps: readonly JsonObject[],
  at = onlyWith(String(steps[0]?.["transport"])),
): Promise<readonly string[]> => {
  await using bench = openBench(at);
  const text = JSON.stringify(steps).replaceAll("HANDLE", bench.session.handles["token"] ?? "");
  return bench.session.preview(bench.normalise(JSON.parse(text)));
};
const previewOf = async (step: JsonObject): Promise<string> => (await previewsOf([step]))[0] as string;
const put = (more: JsonObject): Promise<string> => previewOf({ transport: "http", method: "PUT", path: "/x", ...more });
const sha = (what: string | Buffer): string => createHash("sha256").update(what).digest("hex").slice(0, 16);

describe("the preview of an http step", () => {
  test("is one line for what is usual", async () => {
    expect(await put({})).toBe("PUT /api/x");
    expect(await put({ query: { a: "1 2" }, json: { b: 1, a: "x" } })).toBe('PUT /api/x?a=1%202 {"b":1,"a":"x"}');
    expect(await put({ form: { command: "reboot", force: 1 } })).toBe("PUT /api/x command=reboot force=1");
    expect(await put({ json: {}, content_type: "application/json" })).toBe("PUT /api/x {}");
  });

  test("shows the headers that the step sets, a secret by its name", async () => {
    const headers = { "X-Do": "reboot", "x-key": "Key HANDLE", "X-Odd": "a\u00adb" };
    expect(await put({ headers })).toBe(
      'PUT /api/x\nheader x-do: reboot\nheader x-key: Key [secret:token]\nheader x-odd: "a\\u00adb"',
    );
  });

  test("tells credentials and cookies of the step's own from each other without writing them down", async () => {
    const said = await put({ headers: { cookie: "a=b", authorization: "Bearer HANDLE" } });
    expect(said).toBe(
      `PUT /api/x\nheader cookie: [not recorded, 3 characters, sha256 ${sha("a=b")}]\nheader authorization: Bearer [secret:token]`,
    );
  });

  test("shows a content type that is not the usual one for the body", async () => {
    expect(await put({ json: {}, content_type: "application/x-www-form-urlencoded" })).toBe(
      "PUT /api/x {}\nheader content-type: application/x-www-form-urlencoded",
    );
  });

  test("shows line ends and signs that cannot be seen as JSON writes them", async () => {
    expect(await put({ text: "a\r\nb\tc\u202ed\u200b" })).toBe('PUT /api/x text "a\\r\\nb\\tc\\u202ed\\u200b"');
    expect(await put({ json: { a: "\u2028\u202e\u{e0041}" } })).toBe('PUT /api/x {"a":"\\u2028\\u202e\\udb40\\udc41"}');
    expect(await put({ form: { a: "x\ny", b: "" } })).toBe('PUT /api/x a="x\\ny" b=');
  });

  test("shows each part of several with name, file name, type and content", async () => {
    const multipart = [
      { name: "a", text: "x\ny" },
      { name: "the file", filename: "x.bin", content_type: "image/x", base64: "AAE=" },
      { name: "c", json: { d: 1 } },
      { name: "d", json: 1, content_type: "application/json" },
      { name: "e", json: 1, content_type: "text/x" },
      { name: "f", base64: "", content_type: "application/json" },
      { name: "g" },
      { name: "password", text: "HANDLE" },
    ];
    expect((await put({ multipart })).split("\n")).toEqual([
      "PUT /api/x multipart of 8",
      'part a: text "x\\ny"',
      "part the file, file x.bin, type image/x: 2 bytes, hex 0001",
      'part c: {"d":1}',
      "part d: 1",
      "part e, type text/x: 1",
      'part f, type application/json: 0 bytes, text ""',
      'part g: text ""',
      'part password: text "[secret:token]"',
    ]);
  });

  test("shows bytes that are text as text, few others in hex, and many by their hash", async () => {
    expect(await put({ base64: Buffer.from("a\n").toString("base64") })).toBe('PUT /api/x 2 bytes, text "a\\n"');
    expect(await put({ base64: "/wA=" })).toBe("PUT /api/x 2 bytes, hex ff00");
    const bytes = Buffer.alloc(1_000, 255);
    expect(await put({ base64: bytes.toString("base64") })).toBe(`PUT /api/x 1000 bytes, sha256 ${sha(bytes)}`);
  });

  test("says how much of a long body it leaves out, and its hash", async () => {
    const json = { a: "x".repeat(3_000) };
    const said = await put({ json });
    const note = `...[1008 more characters, sha256 ${sha(JSON.stringify(json))}]`;
    expect(said.slice(said.indexOf("..."))).toBe(note);
    expect(await put({ json: { a: `${"x".repeat(2_999)}y` } })).not.toBe(said);
    const query = "y".repeat(3_000);
    expect(await put({ query: { q: query } })).toContain(` more characters, sha256 ${sha(`PUT /api/x?q=${query}`)}]`);
  });

  test("is bounded however many headers and parts there are, and the last of them counts", async () => {
    const parts = (last: string) => [...Array(500).fill("x".repeat(90)), last].map((text) => ({ name: "a", text }));
    const [said, other] = [await put({ multipart: parts("1") }), await put({ multipart: parts("2") })];
    expect([said.length < 9_000, said === other]).toEqual([true, false]);
    expect(said).toMatch(/\.\.\.\[\d+ more characters, sha256 [0-9a-f]{16}\]$/);
  });

  test("shows where values of earlier answers are put in", async () => {
    const first = { transport: "http", method: "PUT", path: "/x" };
    const refs = { "/json/id": { step: 0, at: "/data", match: "^[a-z]+$" } };
    expect((await previewsOf([first, { ...first, json: { id: "" }, refs }]))[1]).toBe(
      'PUT /api/x {"id":""}\nvalue of /json/id: from the answer to call 1 at /data, matching "^[a-z]+$"',
    );
  });

  test("shows what only reads like the place of a secret with an escape", async () => {
    expect(await put({ json: { password: "[secret:token]" } })).toBe('PUT /api/x {"password":"\\u005bsecret:token]"}');
    expect(await put({ form: { password: "[secret:token]" }, headers: { "x-key": "Key [secret:token]" } })).toBe(
      'PUT /api/x password="\\u005bsecret:token]"\nheader x-key: "Key \\u005bsecret:token]"',
    );
    expect(await put({ multipart: [{ name: "password", text: "[secret:token]" }] })).toContain(
      'part password: text "\\u005bsecret:token]"',
    );
  });

  test("differs wherever what is sent does", async () => {
    const seen = await Promise.all(
      [
        { form: [["a", "1 b=2"]] },
        {
          form: [
            ["a", "1"],
            ["b", "2"],
          ],
        },
        { form: [["a=1 b", "2"]] },
        { form: [] },
        { text: "a=1 b=2" },
        { text: "" },
        { json: "a=1 b=2" },
        { json: {} },
        { text: "{}" },
        { text: 'text "a"' },
        { text: "a" },
        { text: "a\\n" },
        { text: "a\n" },
        { text: "a " },
        { multipart: [] },
        { text: "", headers: { a: "b" } },
        { text: "\nheader a: b" },
        { text: "{secret:token}" },
        { text: "[secret:token]" },
        ...["HANDLE", "[secret:token]", "\\u005bsecret:token]", "\\[secret:token]"].flatMap((password) => [
          { json: { password } },
          { form: { password } },
          { multipart: [{ name: "password", text: password }] },
          { headers: { "x-key": password } },
        ]),
        ...["{secret:a]b}", "{secret:a}b]"].map((a) => ({ json: { a } })),
        {},
      ].map((body) => put(body as JsonObject)),
    );
    expect(new Set(seen).size).toBe(seen.length);
  });
});

test("a preview says which endpoint the step goes to where the instance has several", async () => {
  const steps = [
    { transport: "http", method: "PUT", path: "/x", headers: { a: "b" } },
    { transport: "http.b", method: "PUT", path: "/x", headers: { a: "b" } },
    { transport: "tcp", send: ["PUT /api/x"] },
  ];
  const at: BenchFacts = {
    ...facts,
    transports: { ...facts.transports, "http.b": { url: "http://{host}:81/api" } },
    capability: { writes: [{ http: "PUT /x" }, { "http.b": "PUT /x" }, { tcp: "PUT *" }] },
  };
  expect(await previewsOf(steps, at)).toEqual([
    "http: PUT /api/x\nheader a: b",
    "http.b: PUT /api/x\nheader a: b",
    "tcp: PUT /api/x",
  ]);
});

describe("the preview of a step over", () => {
  const ssh = (more: JsonObject): Promise<string> => previewOf({ transport: "ssh", ...more });
  const tcp = (...send: (string | string[])[]): Promise<string> => previewOf({ transport: "tcp", send });

  test("ssh shows commands, replies and input, and where one ends", async () => {
    expect(await ssh({ commands: ["do a", "do b"] })).toBe("do a; do b");
    expect(await ssh({ commands: ["do a; do b"] })).toBe('"do a; do b"');
    expect(await ssh({ commands: ["do a"], stdin: "x\ny" })).toBe('do a (with 3 characters of input)\ninput: "x\\ny"');
    const answers = [
      { match: "sure", send: "y" },
      { match: "more", send: "n", enter: false },
    ];
    expect(await ssh({ commands: ["do a"], answers })).toBe(
      'do a (answering "y" to sure) (answering "n" without a line end to more)',
    );
  });

  test("ssh shows what is in a file, or its hash", async () => {
    const file = (bytes: Buffer) => ssh({ put: { path: "/etc/a", mode: 0o644, base64: bytes.toString("base64") } });
    expect(await file(Buffer.from("a\nb"))).toBe('PUT /etc/a (3 bytes, mode 644)\ncontent: text "a\\nb"');
    const bytes = Buffer.alloc(100, 254);
    expect(await file(bytes)).toBe(`PUT /etc/a (100 bytes, mode 644)\ncontent: sha256 ${sha(bytes)}`);
  });

  test("tcp shows lines apart from lines that look like several", async () => {
    expect(await tcp("set a", ["set b", "b"])).toBe("set a; set b ⏎ b");
    expect(await tcp("set a; set b")).toBe('"set a; set b"');
    expect(await tcp("set a ⏎ b")).toBe('"set a ⏎ b"');
    expect(await tcp("set \u200b")).toBe('"set \\u200b"');
  });

  test("snmp shows signs that cannot be seen", async () => {
    const set = [{ oid: "1.3.6", type: "OctetString", value: "a\n\u202eb" }];
    expect(await previewOf({ transport: "snmp", set })).toBe('SET 1.3.6 = "a\\n\\u202eb" (OctetString)');
  });
});
