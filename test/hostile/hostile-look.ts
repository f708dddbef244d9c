/** One attempt of a hostile driver in a real job, and what its job, its device and its warnings tell of it. */
import { expect } from "vitest";
import type { Answer } from "../kit/caller.ts";
import type { Attempt } from "./hostile-attempts.ts";
import { type HostileBench, hostileToken } from "./hostile-bench.ts";

/** What nobody may ever see of the secret. */
const forms = [hostileToken, Buffer.from(hostileToken).toString("hex"), Buffer.from(hostileToken).toString("base64")];

interface LookOptions {
  /** In seconds; 0: not at all. */
  readonly wait?: number;
  readonly instance?: string;
}

export interface Looks {
  look(attempt: Omit<Attempt, "about" | "codes">, options?: LookOptions): Promise<Answer>;
  /** The code that names the attempt in its job; fails when a form of the secret shows anywhere. */
  named(answer: Answer): Promise<{ readonly code: string; readonly detail: string }>;
  /** What the warnings of a job say was refused. */
  warningsOf(body: Answer["body"]): Promise<readonly unknown[]>;
  /** The same, when its driver was let go on. */
  refusedIn(answer: Answer): Promise<readonly unknown[]>;
  /** Requests that the device had since so many, each once. */
  received(since: number): readonly string[];
}

export const looksOf = (open: () => HostileBench): Looks => {
  const warningsOf: Looks["warningsOf"] = async ({ id, job_id }) =>
    (await open().eventsOf(job_id ?? id))
      .filter(({ level, message }) => level === "warn" && message.startsWith("The sandbox refused "))
      .map(({ meta }) => meta["refused"]);
  return {
    look: ({ from, name, facts }, options = {}) => {
      const bench = open();
      const params = { from, name, facts: { ...bench.facts, ...facts?.(bench.facts) } };
      const { instance = bench.hostile, wait = 30 } = options;
      return bench.caller.act(instance, { capability: "hostile.look", verb: "read", params }, { wait });
    },
    named: async ({ body }) => {
      const { caller, eventsOf } = open();
      const job = await caller.settled(body.job_id ?? body.id);
      const shown = JSON.stringify([body, job, await eventsOf(job.id)]);
      for (const form of forms) expect(shown).not.toContain(form);
      return { code: job.error?.code ?? job.state, detail: job.error?.detail ?? "" };
    },
    warningsOf,
    refusedIn: ({ body }) => {
      expect(body).toMatchObject({ state: "succeeded", result: { details: { kept: "silent" } } });
      return warningsOf(body);
    },
    received: (since) => [
      ...new Set(
        open()
          .device.seen.slice(since)
          .map(({ method, url }) => `${method} ${url.replace(/\?.*/, "")}`),
      ),
    ],
  };
};

/** A driver holds on, and another call of its own, that was told its id, speaks in its name: nobody is heard. */
export const expectNoForgery = async (
  { look, warningsOf }: Looks,
  { caller, eventsOf }: HostileBench,
  [holds, speaks]: readonly [holds: string, speaks: string],
  untilFound: <T>(find: () => Promise<T | undefined>, what: string) => Promise<T>,
): Promise<void> => {
  const { body: held } = await look({ from: "worst", name: holds }, { wait: 0 });
  const findId = async (): Promise<string | undefined> =>
    (await eventsOf(held.id)).map(({ message }) => /^my id is (\S+)$/.exec(message)?.[1]).find(Boolean);
  const id = await untilFound(findId, "the id of the other call");
  const forging = await look({ from: "worst", name: speaks, facts: () => ({ ids: [id] }) });
  expect(forging.body).toMatchObject({ state: "succeeded" });
  expect(await warningsOf(forging.body)).toEqual(["another call"]);
  const own = await caller.settled(held.id);
  expect(own).toMatchObject({ state: "succeeded", error: null, result: { details: { value: "own" } } });
  expect(JSON.stringify(await eventsOf(held.id))).not.toContain("forged");
};
