/** Lists made longer than any device has them: every copy is one of its own, and still of the form it had. */
import { expect, it } from "vitest";
import { grown } from "../../src/testing/mutations.ts";

it("gives copies names of their own, and the times of their models", () => {
  const alerts = [
    { fingerprint: "ab1", startsAt: "2026-01-02T03:04:05.000Z", state: "active" },
    { fingerprint: "ab2", startsAt: "2026-01-02T03:04:06.000Z", state: "active" },
  ];
  const many = grown(alerts, 100) as typeof alerts;
  expect(many).toHaveLength(100);
  expect(new Set(many.map(({ fingerprint }) => fingerprint)).size).toBe(100);
  expect(new Set(many.map(({ startsAt }) => startsAt))).toEqual(new Set(alerts.map(({ startsAt }) => startsAt)));
});
