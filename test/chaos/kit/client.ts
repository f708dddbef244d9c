/** A client that does not give up: it asks again with the same key until it is told that its job is accepted. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { upload } from "../../kit/pack.ts";
import type { System } from "../../kit/system.ts";
import type { Errand } from "./errand.ts";

export type Acceptance =
  | { readonly jobId: string }
  /** An answer that no fault explains, or none in time. */
  | { readonly refusal: string };

const answerMs = 15_000;
const againMs = 100;

const ask = async (system: System, { path, body }: Errand, key: string): Promise<Acceptance | "again"> => {
  const isUpload = Buffer.isBuffer(body);
  const response = await fetch(`${system.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${system.token}`,
      "idempotency-key": key,
      ...(isUpload ? {} : { "content-type": "application/json" }),
    },
    body: isUpload ? upload(body) : JSON.stringify(body),
    signal: AbortSignal.timeout(answerMs),
  });
  const answer = (await response.json()) as { id?: string; code?: string; detail?: string };
  if (response.status === 202 && answer.id !== undefined) return { jobId: answer.id };
  // 503 is the one answer that says: not accepted, send it again.
  if (response.status === 503) return "again";
  return { refusal: `${path} answered ${response.status} ${answer.code}: ${answer.detail}` };
};

/** Keeps asking until there is an answer, or `giveUpMs` are over. */
export const getAccepted = async (system: System, errand: Errand, giveUpMs: number): Promise<Acceptance> => {
  const key = randomUUID();
  const deadline = performance.now() + giveUpMs;
  while (performance.now() < deadline) {
    const outcome = await ask(system, errand, key).catch(() => "again" as const);
    if (outcome !== "again") return outcome;
    await pause(againMs);
  }
  return { refusal: `${errand.path} was not accepted within ${giveUpMs} ms` };
};
