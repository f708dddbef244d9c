/** What switching a guest would need and do: preconditions, the one request, before and after. */
import type { DryRunResult, Json, Precondition, Step } from "switchyard/sdk";
import type { Current, Guest, RunningTask } from "./resources.ts";
import { isDisruptive, isHaBusy, offered, type Verb } from "./verbs.ts";

export type Params = Readonly<Record<string, Json>>;

/** All that was read about a guest before a plan. */
export interface GuestFacts {
  readonly guest: Guest;
  readonly current: Current;
  readonly privileges: ReadonlySet<string>;
  readonly tasks: readonly RunningTask[];
  /** The node that the instance is limited to. */
  readonly onlyNode: string | undefined;
}
interface Ask {
  readonly verb: string;
  readonly params: Params;
}

const check = (name: string, isMet: boolean, details: string): Precondition => ({ check: name, ok: isMet, details });
const isYes = (params: Params, name: string): boolean => params[name] === true;
const noun = ({ kind, vmid }: Guest): string => `${kind === "qemu" ? "VM" : "container"} ${vmid}`;

const permission = ({ guest, privileges }: GuestFacts): Precondition => {
  const isGranted = privileges.has("VM.PowerMgmt");
  const path = `/vms/${guest.vmid}`;
  const missing = `the token lacks VM.PowerMgmt on ${path}: grant it there, on its pool or above`;
  return check("permission", isGranted, isGranted ? `VM.PowerMgmt on ${path}` : missing);
};

const placed = ({ guest, onlyNode }: GuestFacts): Precondition => {
  const isHere = onlyNode === undefined || onlyNode === guest.node;
  return check("node", isHere, isHere ? `on ${guest.node}` : `on ${guest.node}, the instance is for ${onlyNode}`);
};

const isOffered = ({ guest }: GuestFacts, verb: string, known: Verb | undefined): Precondition => {
  const details = known === undefined ? `Proxmox VE offers no ${verb} for ${guest.kind}` : `${guest.kind} ${verb}`;
  return check("verb_offered", known !== undefined, details);
};

const takesParams = ({ guest }: GuestFacts, { verb, params }: Ask, known: Verb | undefined): Precondition => {
  const extra = Object.keys(params).filter((name) => known?.params.includes(name) !== true);
  const details = extra.length === 0 ? "all are offered" : `${guest.kind} ${verb} takes no ${extra.join(", ")}`;
  return check("params_offered", extra.length === 0, details);
};

const unlocked = ({ current: { lock } }: GuestFacts, verb: string): Precondition => {
  const wakes = lock === "suspended" && verb === "resume";
  const details = lock === null ? "no lock" : `locked by ${lock}`;
  return check("not_locked", lock === null || wakes, wakes ? "sleeps on disk" : details);
};

const idle = ({ tasks }: GuestFacts, params: Params): Precondition => {
  const overruled = isYes(params, "overrule-shutdown");
  const others = tasks.filter(({ type }) => !(overruled && type.endsWith("shutdown")));
  const named = others.map(({ type, user, upid }) => `${type} of ${user} (${upid})`).join(", ");
  return check("no_running_task", others.length === 0, others.length === 0 ? "none" : `runs: ${named}`);
};

const managed = ({ current: { ha } }: GuestFacts): Precondition => {
  if (ha === null) return check("ha_ready", true, "not managed");
  const details = isHaBusy(ha) ? `the manager is busy with it: ${ha}` : `managed, ${ha}`;
  return check("ha_ready", !isHaBusy(ha), details);
};

const fits = ({ current, guest }: GuestFacts, { verb, params }: Ask, known: Verb | undefined): Precondition => {
  const { status } = current;
  const forced = guest.kind === "qemu" && verb === "shutdown" && status === "suspended" && isYes(params, "forceStop");
  const isRight = known === undefined || forced || known.from.includes(status) || known.done.includes(status);
  const expected = [...(known?.from ?? []), ...(known?.done ?? [])].join(" or ");
  const nothing = known?.done.includes(status) === true ? "already " : "";
  return check("state", isRight, isRight ? `${nothing}${status}` : `expected ${expected}, it is ${status}`);
};

const preconditionsOf = (facts: GuestFacts, ask: Ask, known: Verb | undefined): Precondition[] => [
  permission(facts),
  placed(facts),
  isOffered(facts, ask.verb, known),
  takesParams(facts, ask, known),
  check("not_template", !facts.current.isTemplate, facts.current.isTemplate ? "it is a template" : "no template"),
  unlocked(facts, ask.verb),
  idle(facts, ask.params),
  managed(facts),
  fits(facts, ask, known),
];

const formOf = (params: Params): Pick<Extract<Step, { method: string }>, "form"> => {
  const pairs = Object.entries(params).map(([name, value]): [string, string] => [
    name,
    typeof value === "boolean" ? String(Number(value)) : String(value),
  ]);
  return pairs.length === 0 ? {} : { form: pairs };
};

const notesOf = ({ current, guest }: GuestFacts, known: Verb | undefined, isDone: boolean): string[] => [
  ...(isDone ? [`${noun(guest)} is already ${current.status}: nothing to do.`] : []),
  ...(known?.note === undefined ? [] : [known.note]),
  ...(current.ha === null ? [] : ["The high-availability manager carries it out; that may take a minute."]),
];

/** Where the verb leaves the guest. */
const goalOf = ({ current }: GuestFacts, known: Verb | undefined): string => known?.to ?? current.status;

const severityOf = (isOk: boolean, verb: string, isDone: boolean): DryRunResult["severity"] => {
  if (!isOk) return "error";
  return isDisruptive(verb) && !isDone ? "warn" : "info";
};

/** The answer to a dry run. A guest that is already where the verb leads gets a plan without steps. */
export const planGuest = (facts: GuestFacts, ask: Ask): DryRunResult => {
  const { guest, current } = facts;
  const { verb, params } = ask;
  const known = offered[guest.kind][verb];
  const preconditions = preconditionsOf(facts, ask, known);
  const failed = preconditions.filter(({ ok }) => !ok);
  const isDone = known?.done.includes(current.status) === true;
  const path = `/nodes/${guest.node}/${guest.kind}/${guest.vmid}/status/${verb}`;
  const steps: Step[] =
    known === undefined || isDone ? [] : [{ transport: "http", method: "POST", path, ...formOf(params) }];
  const goal = goalOf(facts, known);
  const change = isDone ? `stays ${current.status}` : `${current.status} -> ${goal}`;
  return {
    ok: failed.length === 0,
    severity: severityOf(failed.length === 0, verb, isDone),
    idempotency_key: `proxmox:${guest.kind}/${guest.vmid}:${verb}:${current.status}`,
    preconditions,
    plan: { kind: "api", steps, notes: notesOf(facts, known, isDone) },
    effects: {
      summary: `${known?.phrase ?? verb} ${noun(guest)} (${guest.name}) on ${guest.node}: ${change}`,
      per_target: [{ id: guest.vmid, from: current.status, to: goal }],
    },
    ...(failed.length === 0 ? {} : { reason: failed.map((each) => `${each.check}: ${each.details}`).join("; ") }),
  };
};
