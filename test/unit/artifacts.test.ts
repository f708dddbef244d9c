/** What a driver keeps: bounded in number and weight, under names that are safe, without secrets in content, type or name. */
import { describe, expect, it } from "vitest";
import type { Unit } from "../../src/store/unit.ts";
import { artifactKeeper } from "../../src/workers/artifacts.ts";
import type { Attempt } from "../../src/workers/attempt.ts";

const secret = "correct-horse-battery";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const openKeeper = () => {
  const said: { level: string; message: string; meta?: object }[] = [];
  const settleUnits: (() => Unit<void>)[] = [];
  const redact = (text: string): string => text.replaceAll(secret, "[secret:token]");
  const emitter = { redact, emit: (line: (typeof said)[number]) => void said.push(line) };
  const attempt = { emitter, job: { id: "job_1" }, settleUnits } as unknown as Attempt;
  const keep = artifactKeeper(attempt, () => 1);
  /** Rows as they would be written when the job settles. */
  const written = (): { name: string; content: string; type: string }[] =>
    settleUnits.flatMap((unit) => {
      const rows: { name: string; content: string; type: string }[] = [];
      const steps = unit();
      for (let step = steps.next(); !step.done; step = steps.next({ rows: [], changes: 1 })) {
        const [, name, type, , , content] = step.value.on("sqlite").parameters as [
          string,
          string,
          string,
          number,
          number,
          Buffer,
        ];
        rows.push({ name, type, content: Buffer.from(content).toString() });
      }
      return rows;
    });
  const put = (name: string, content: string, contentType = "text/plain"): void =>
    keep({ kind: "artifact", name, contentType, base64: base64(content) });
  return { put, said, written, settleUnits };
};

describe("artifacts", () => {
  it("of one name are the last one, and the others are let go of", () => {
    const { put, written, settleUnits } = openKeeper();
    for (let n = 0; n < 500; n += 1) put("config.txt", `version ${n}`);
    expect(settleUnits).toHaveLength(1);
    expect(written()).toEqual([{ name: "config.txt", type: "text/plain", content: "version 499" }]);
  });

  it("are twenty at most, and the refusals are told of twenty times", () => {
    const { put, said, written } = openKeeper();
    for (let n = 0; n < 5_000; n += 1) put(`file${n}`, "x");
    expect(written()).toHaveLength(20);
    expect(said.filter(({ level }) => level === "warn")).toHaveLength(20);
    expect(said.at(-1)?.message).toMatch(/Others that are not kept are not named/);
  });

  it("hold no secret in content, type or name", () => {
    const { put, said, written } = openKeeper();
    put("told.txt", `it is ${secret}`, secret);
    put(secret, "named by it");
    expect(written()).toEqual([{ name: "told.txt", type: "[secret:token]", content: "it is [secret:token]" }]);
    expect(said.at(-1)?.message).toMatch(/its name holds a secret/);
  });

  it.each(["../up", "a/b", "", ".hidden", "a b", "x".repeat(101), "nul\u0000", "\u001b[2J"])(
    "are refused under the name %j",
    (name) => {
      const { put, said, written } = openKeeper();
      put(name, "x");
      expect(written()).toEqual([]);
      expect(said[0]?.message).toMatch(/a name may hold/);
      expect(said[0]?.message).not.toMatch(/[\u0000\u001b]/);
    },
  );

  it("that come again and again are not looked at any more after a while", () => {
    const { put, said, written } = openKeeper();
    const large = "x".repeat(16 * 1024 * 1024);
    for (let n = 0; n < 10; n += 1) put("large.bin", large);
    expect(written()).toHaveLength(1);
    expect(said.at(-1)?.message).toMatch(/again and again/);
  }, 60_000);
});
