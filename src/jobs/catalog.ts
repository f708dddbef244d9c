/** Everything the system does: one row per kind of job. */
import { type Static, type TSchema, Type } from "typebox";
import type { LockNeed, QueueName } from "../model/job.ts";
import { type Capability, isReadVerb } from "../model/manifest.ts";
import type { Role } from "../model/principal.ts";
import { longestTargetId } from "../model/target.ts";

const closed = { additionalProperties: false };
const typeId = Type.String({ pattern: "^[a-z][a-z0-9]*(\\.[a-z][a-z0-9]*)*$", maxLength: 200 });
const instanceId = Type.String({ pattern: "^ins_[0-9a-z]{26}$" });
const targetRef = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 100 }),
    id: Type.String({ minLength: 1, maxLength: longestTargetId }),
  },
  closed,
);
const actionFields = {
  instance_id: instanceId,
  capability: Type.String({ minLength: 1, maxLength: 200 }),
  verb: Type.String({ minLength: 1, maxLength: 100 }),
  target: targetRef,
  params: Type.Record(Type.String(), Type.Unknown()),
};

/** What the manifest says about the capability a job is for; absent for kinds that use none. */
interface KindFacts {
  readonly capability?: Capability;
}
interface KindRow {
  readonly input: TSchema;
  /** Who may ask for it. */
  readonly role: Role;
  readonly timeoutMs: number;
  /** Tries in all; lost workers and drains do not count. */
  readonly attempts: number;
  readonly queue: QueueName;
  /** After a crash: run again from the start, or go on from the journal. */
  readonly rerun: "restart" | "journal";
  /** What it serialises on. */
  readonly locks: (input: never, facts: KindFacts) => readonly LockNeed[];
}

const packs = (): LockNeed[] => [{ name: "packs", mode: "exclusive" }];
const none = (): LockNeed[] => [];
const runner = (): LockNeed[] => [{ name: "runner", mode: "exclusive" }];
/** A target lock is exclusive on the target and shared on its instance; an instance lock is exclusive on the instance. */
const targetLocks = (
  input: { instance_id: string; verb: string; target: { type: string; id: string } },
  { capability }: KindFacts,
): LockNeed[] => {
  const instance = `instance/${input.instance_id}`;
  const declared = capability?.lock ?? (isReadVerb(input.verb) ? "none" : "target");
  if (declared === "none") return [];
  if (declared === "instance") return [{ name: instance, mode: "exclusive" }];
  return [
    { name: `target/${input.instance_id}/${input.target.type}/${input.target.id}`, mode: "exclusive" },
    { name: instance, mode: "shared" },
  ];
};

const minute = 60_000;
const kind = <const R extends KindRow>(row: R): R => row;
const usual = { timeoutMs: minute, attempts: 3, queue: "interactive", rerun: "restart" } as const;
const ofPacks = { ...usual, role: "admin", locks: packs } as const;
const ofRunner = { ...usual, role: "admin", locks: runner, input: Type.Object({}, closed) } as const;
const ofReads = { ...usual, role: "operator", locks: none } as const;

export const catalog = {
  "pack.install": kind({
    ...ofPacks,
    input: Type.Object(
      {
        upload: Type.String({ pattern: "^[0-9a-f]{64}$" }),
        replace: Type.Boolean(),
        consent: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
        shipped: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    timeoutMs: 2 * minute,
  }),
  "pack.validate": kind({ ...ofPacks, input: Type.Object({ type_id: typeId }, closed), role: "operator" }),
  "pack.rescan": kind({ ...ofPacks, input: Type.Object({}, closed), timeoutMs: 10 * minute }),
  "pack.remove": kind({ ...ofPacks, input: Type.Object({ type_id: typeId }, closed) }),
  "pack.rollback": kind({
    ...ofPacks,
    input: Type.Object({ type_id: typeId, digest: Type.Optional(Type.String()) }, closed),
  }),
  "instance.test_connection": kind({ ...ofReads, input: Type.Object({ instance_id: instanceId }, closed) }),
  "instance.refresh_inventory": kind({
    ...ofReads,
    input: Type.Object({ instance_id: instanceId, type: Type.Optional(Type.String()) }, closed),
    timeoutMs: 2 * minute,
  }),
  "action.plan": kind({ ...ofReads, input: Type.Object(actionFields, closed), timeoutMs: 2 * minute }),
  "action.run": kind({
    ...usual,
    input: Type.Object(
      { ...actionFields, plan_id: Type.Optional(Type.String()), confirm: Type.Optional(Type.Boolean()) },
      closed,
    ),
    role: "operator",
    timeoutMs: 15 * minute,
    rerun: "journal",
    locks: targetLocks,
  }),
  "vault.rotate": kind({ ...ofRunner, timeoutMs: 30 * minute }),
  "system.backup": kind({ ...ofRunner, timeoutMs: 60 * minute }),
  "system.support_bundle": kind({ ...ofRunner, locks: none }),
} as const;

export type JobKind = keyof typeof catalog;
export type JobInput<K extends JobKind> = Static<(typeof catalog)[K]["input"]>;
export const isJobKind = (value: string): value is JobKind => Object.hasOwn(catalog, value);
