/** What a session learns from its device: values that become secrets, and how many of them are kept. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createSecretBook } from "../../src/transports/secrets.ts";

const binding = { endpoints: {}, absent: {} } as unknown as Parameters<typeof createSecretBook>[0]["binding"];

test("a device that gives another cookie with each answer does not slow the session down more and more", () => {
  const book = createSecretBook({ binding, secrets: [], rawSecrets: false });
  const cookies = Array.from({ length: 1_000 }, () => randomBytes(24).toString("base64"));
  const handles = cookies.map((cookie) => book.learn("SID", cookie));
  const newest = cookies.at(-1) ?? "";
  const text = JSON.stringify(
    Array.from({ length: 9_000 }, (_, id) => ({ id, name: `vm-${id}`, pad: "x".repeat(80) })),
  );
  const startedAt = performance.now();
  expect(book.putBack(`${text}${newest}`)).toBe(`${text}${handles.at(-1)}`);
  expect(performance.now() - startedAt).toBeLessThan(300);
  expect(book.sessionValue(handles.at(-20) ?? "")).toBe(cookies.at(-20));
  expect(book.sessionValue(handles[0] ?? "")).toBeUndefined();
});
