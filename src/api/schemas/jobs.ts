/** Jobs, events, plans and journals as the wire has them. */
import { Type } from "typebox";
import { catalog } from "../../jobs/catalog.ts";
import { type JobState, jobStates } from "../../model/job.ts";
import { fieldProblems, freeObject, orNull, ref, timeText } from "./common.ts";

const targetRef = Type.Object({ type: Type.String(), id: Type.String() });
const subjectSchema = Type.Object({
  type_id: Type.Optional(Type.String()),
  instance_id: Type.Optional(Type.String()),
  target: Type.Optional(targetRef),
});
const jobError = Type.Object({
  code: Type.String(),
  title: Type.String(),
  detail: Type.String(),
  errors: Type.Optional(fieldProblems),
  details: Type.Optional(freeObject()),
});
/** One of the kinds that there are; said by name when it is none. */
export const kindSchema = Type.String({ enum: Object.keys(catalog) });
export const stateSchema = Type.Unsafe<JobState>({ type: "string", enum: [...jobStates] });

export const jobSchema = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  state: stateSchema,
  attempt: Type.Integer({ description: "Only rises" }),
  max_attempts: Type.Integer(),
  created_at: timeText(),
  started_at: orNull(timeText()),
  finished_at: orNull(timeText()),
  requested_by: Type.Object({
    token_id: Type.Optional(Type.String()),
    schedule_id: Type.Optional(Type.String()),
    rule_id: Type.Optional(Type.String()),
    name: Type.String(),
  }),
  subject: subjectSchema,
  input: freeObject("Redacted"),
  progress: orNull(
    Type.Object({ phase: Type.String(), percent: Type.Optional(Type.Number()), message: Type.String() }),
  ),
  waiting_for: Type.Optional(
    Type.Object({
      kind: Type.String({ description: "lock, approval, host or circuit" }),
      lock: Type.Optional(Type.String()),
      held_by: Type.Optional(Type.String()),
    }),
  ),
  cancel_requested_at: Type.Optional(timeText()),
  result: Type.Unknown({ description: "By kind; null until it succeeded" }),
  error: orNull(jobError),
  sandbox_level: orNull(Type.String()),
  idempotency_key: Type.Optional(Type.String()),
  plan_id: Type.Optional(Type.String()),
  retry_of: Type.Optional(Type.String()),
  undo_of: Type.Optional(Type.String()),
  undone_by: Type.Optional(
    Type.String({ description: "Where one job is read: the action that takes it back, open or succeeded" }),
  ),
  links: Type.Object({ self: Type.String(), events: Type.String() }),
});

export const eventSchema = Type.Object({
  seq: Type.Integer({ description: "1, 2, 3 ... within the job, without a gap" }),
  job_id: Type.String(),
  ts: timeText(),
  phase: Type.String(),
  level: Type.String({ enum: ["debug", "info", "warn", "error"] }),
  message: Type.String(),
  meta: freeObject(),
  attempt: Type.Integer(),
});

export const eventPageSchema = Type.Object({
  items: Type.Array(ref("Event")),
  next_after: orNull(Type.Integer({ description: "Ask again with `after` = this; null: that was all so far" })),
});

export const journalEntrySchema = Type.Object({
  index: Type.Integer(),
  attempt: Type.Integer(),
  transport: Type.String(),
  request: Type.Unknown(),
  idempotent: Type.Boolean(),
  sent_at: timeText(),
  answered_at: orNull(timeText()),
  answer: Type.Unknown(),
});

export const planSchema = Type.Object({
  id: Type.String(),
  plan_id: Type.String(),
  plan_hash: Type.String(),
  instance_id: Type.String(),
  config_revision: Type.Integer(),
  release: Type.Object({ digest: Type.String() }),
  capability: Type.String(),
  verb: Type.String(),
  target: targetRef,
  params: freeObject(),
  pinned: Type.Boolean({ description: "Its steps, and nothing else, are what an apply sends" }),
  ok: Type.Boolean(),
  severity: Type.String({ enum: ["info", "warn", "error"] }),
  preconditions: Type.Array(
    Type.Object({ check: Type.String(), ok: Type.Boolean(), details: Type.Optional(Type.Unknown()) }),
  ),
  plan: Type.Object({
    kind: Type.String(),
    steps: Type.Array(freeObject("One write; secrets read [secret:name]")),
    notes: Type.Optional(Type.Array(Type.String())),
    preview: Type.Optional(Type.Array(Type.String())),
  }),
  effects: Type.Object({
    summary: Type.String(),
    per_target: Type.Array(Type.Object({ id: Type.String(), from: Type.Unknown(), to: Type.Unknown() })),
  }),
  reason: Type.Optional(Type.String()),
  created_at: timeText(),
  expires_at: timeText(),
  made_by: Type.String({ description: "Id of the job that made it" }),
  used_by: orNull(Type.String({ description: "Id of the job that used it" })),
});

export const ticketSchema = Type.Object({
  url: Type.String({ description: "Good for one connection" }),
  expires_at: timeText(),
});
