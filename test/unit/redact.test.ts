/** Redaction by value: every form a secret may take in a text. */
import { describe, expect, test } from "vitest";
import { createPutBack, createRedactor, redactJson } from "../../src/model/redact.ts";

const value = 'p@ss/w\u00f6rd "1"';
const redact = createRedactor([{ name: "token", value }]);

describe("a secret is found", () => {
  const bytes = Buffer.from(value);
  test.each([
    ["raw", value],
    ["URL-encoded", encodeURIComponent(value)],
    ["URL-encoded in lower case", encodeURIComponent(value).replaceAll(/%../g, (part) => part.toLowerCase())],
    ["form-encoded", new URLSearchParams([["k", value]]).toString()],
    ["in JSON", JSON.stringify({ a: value })],
    ["in ASCII JSON", JSON.stringify({ a: value }).replaceAll("\u00f6", "\\u00f6")],
    ["in JSON with escaped slashes", JSON.stringify({ a: value }).replaceAll("/", "\\/")],
    ["in JSON within JSON", JSON.stringify({ a: JSON.stringify({ b: value }) })],
    ["in JSON three deep", JSON.stringify([JSON.stringify([JSON.stringify([value])])])],
    ["in markup", value.replaceAll('"', "&quot;")],
    ["in hex", bytes.toString("hex")],
    ["in upper-case hex", bytes.toString("hex").toUpperCase()],
  ])("%s", (_, text) => {
    const clean = redact(`before ${text} after`);
    expect(clean).toContain("[secret:token]");
    expect(clean).toMatch(/^before .* after$/);
  });

  test.each([0, 1, 2, 3, 4, 5])("in base64 behind %d bytes, with both alphabets", (count) => {
    const random = "\u00ff\u00fe~>?\u00fb-secret-value";
    const clean = createRedactor([{ name: "r", value: random }]);
    for (const encoding of ["base64", "base64url"] as const) {
      for (const tail of ["", "x", "xy"]) {
        const text = Buffer.from(`${"u".repeat(count)}${random}${tail}`).toString(encoding);
        expect(clean(text)).toContain("[secret:r]");
      }
    }
  });

  test("as often as it stands there, the longest first", () => {
    const both = createRedactor([
      { name: "short", value: "password" },
      { name: "long", value: "password-and-more" },
    ]);
    expect(both("password-and-more password password")).toBe("[secret:long] [secret:short] [secret:short]");
  });
});

test("secrets under 8 characters are not searched for", () => {
  expect(createRedactor([{ name: "pin", value: "1234567" }])("1234567")).toBe("1234567");
});

test("handles read as their secret's name, unknown ones too", () => {
  const handle = `swh_${"0".repeat(32)}`;
  const clean = createRedactor([], (wanted) => (wanted === handle ? "token" : undefined));
  expect(clean(`a ${handle} b swh_${"1".repeat(32)}`)).toBe("a [secret:token] b [secret:unknown]");
});

test("in documents, keys, numbers and ids stay as they are", () => {
  const clean = createRedactor([{ name: "t", value: "12345678" }]);
  const document = {
    "12345678": 12345678,
    id: "12345678",
    job_id: "12345678",
    note: ["x12345678"],
    deep: { a: "12345678" },
  };
  expect(redactJson(clean, document)).toEqual({ ...document, note: ["x[secret:t]"], deep: { a: "[secret:t]" } });
});

test("a handle stands nowhere in a document, not in a key or an id either", () => {
  const handle = `swh_${"0".repeat(32)}`;
  const clean = createRedactor([], () => "token");
  expect(redactJson(clean, { [handle]: 1, id: handle, task_id: `UPID:${handle}` })).toEqual({
    "[secret:token]": 1,
    id: "[secret:token]",
    task_id: "UPID:[secret:token]",
  });
});

describe("keys and ids of a document", () => {
  test("hold no secret that is no name by its looks: it has other signs, or sixteen characters", () => {
    for (const secret of ["Zq7<pass&word>", "pass word", "abcdefgh12345678"]) {
      const clean = createRedactor([{ name: "t", value: secret }]);
      const document = { id: secret, [`x ${secret}`]: 1, list: [{ job_id: `a/${secret}` }], plain: secret };
      expect(redactJson(clean, document)).toEqual({
        ...{ id: "[secret:t]", "x [secret:t]": 1, list: [{ job_id: "a/[secret:t]" }] },
        plain: "[secret:t]",
      });
    }
  });

  test("stay as they are when the secret is a word such as names are", () => {
    const clean = createRedactor([{ name: "t", value: "password" }]);
    const document = { password: 1, id: "https://device/users?reset=password", user_id: "password" };
    expect(redactJson(clean, document)).toEqual(document);
  });
});

test("what can be put back becomes a handle, what cannot is hidden", () => {
  const back = createPutBack([{ name: "t", value: "the-secret" }], () => "HANDLE");
  expect(back('{"a":"the-secret"}')).toBe('{"a":"HANDLE"}');
  expect(back(Buffer.from("the-secret").toString("hex"))).toBe("[secret:t]");
});

test("a megabyte is searched in milliseconds", () => {
  const secrets = [1, 2, 3, 4].map((index) => ({
    name: `s${index}`,
    value: `the-${index}-secret-value-of-some-length`,
  }));
  const clean = createPutBack(secrets, () => "HANDLE");
  const text = JSON.stringify(
    Array.from({ length: 9_000 }, (_, id) => ({ id, name: `vm-${id}`, pad: "x".repeat(80) })),
  );
  clean(text);
  const startedAt = performance.now();
  clean(text);
  expect(performance.now() - startedAt).toBeLessThan(50);
});

test.each([
  ["one handle", () => "0"],
  ["handles that nobody gave out", (index: number) => index.toString(16)],
])("a text full of %s is searched in one go", (_, digits) => {
  const clean = createRedactor([], () => "token");
  const text = Array.from({ length: 20_000 }, (_, index) => `swh_${digits(index).padStart(32, "0")} `).join(
    "x".repeat(50),
  );
  const startedAt = performance.now();
  expect(clean(text)).not.toContain("swh_");
  expect(performance.now() - startedAt).toBeLessThan(500);
});

describe("of a secret of several lines", () => {
  const lines = [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI",
    'x"y'.repeat(8),
    "Zm9v",
  ];
  const key = `${lines.join("\n")}\n`;
  const clean = createRedactor([{ name: "key", value: key }]);

  test("the whole is one, whatever its lines end with", () => {
    expect(clean(`it is ${key}.`)).toBe("it is [secret:key].");
    expect(clean(lines.join("\r\n"))).toBe(`${lines[0]}\r\n[secret:key]\r\n[secret:key]\r\nZm9v`);
  });

  test("each line is one, also in JSON, but for what frames it and what is too short", () => {
    expect(lines.map(clean)).toEqual([lines[0], "[secret:key]", "[secret:key]", "Zm9v"]);
    expect(clean(JSON.stringify(lines[2]))).toBe('"[secret:key]"');
  });

  test("a driver sees the whole as a handle, and of single lines that they were there", () => {
    const back = createPutBack([{ name: "key", value: key }], () => "HANDLE");
    expect([back(key), back(lines[1] ?? "")]).toEqual(["HANDLE", "[secret:key]"]);
  });
});
