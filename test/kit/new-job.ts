/** A job for a test of the store. */
import { newId } from "../../src/model/ids.ts";
import type { NewJob } from "../../src/store/jobs.ts";

/** A job that nothing else is like; what matters to a test is given. */
export const newJob = (given: Partial<NewJob> = {}): NewJob => ({
  id: newId("job", given.createdAt ?? 1_000),
  kind: "instance.test_connection",
  maxAttempts: 3,
  createdAt: 1_000,
  requestedBy: { tokenId: "tok_1", name: "ada" },
  subject: {},
  input: {},
  sealedInput: null,
  queue: "interactive",
  locks: [],
  timeoutMs: 60_000,
  debug: false,
  principalId: "tok_1",
  idempotencyKey: null,
  requestHash: null,
  dedupeKey: null,
  dedupeHash: null,
  joinKeys: [],
  planId: null,
  retryOf: null,
  undoOf: null,
  ...given,
});
