/** What a person should know and do after a job that did not do what was asked. */
import type { Json, JsonObject } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import { nearest } from "../model/nearest.ts";
import type { Target } from "../model/target.ts";
import { call, form } from "./called.ts";
import { findType, listInstances, paths } from "./client/find.ts";
import { lastSeenOf, listedAs, listedTypes } from "./client/inventory.ts";
import type { InstanceDocument, JobDocument, JournalDocument, Page } from "./client/wire.ts";
import type { Session } from "./session.ts";
import { answerText, requestText } from "./view/journal.ts";
import { type Known, nextStepsFor } from "./view/next-step.ts";
import { oneLine } from "./view/terminal.ts";

export interface Afterwards {
  /** What is the case beside the error. */
  readonly facts: readonly string[];
  /** What to do next. */
  readonly hints: readonly string[];
}

interface Advised extends Afterwards {
  /** The words that the hints of its error have places for. */
  readonly known: Known;
}

interface Ended {
  readonly session: Session;
  readonly job: JobDocument;
  /** The name of its instance, as commands take it. */
  readonly instance: string;
  /** Absent when it is gone, or the job is about none. */
  readonly shown?: InstanceDocument | undefined;
}

type Advise = (ended: Ended) => Promise<Afterwards>;

const nothing: Afterwards = { facts: [], hints: [] };

interface Listing {
  /** Under which listed types the target's ids stand; empty where no inventory lists it. */
  readonly under: readonly string[];
  readonly listed: readonly string[];
  readonly capabilities: readonly Capability[];
}

const listingOf = async ({ session, job }: Ended): Promise<Listing> => {
  const type = await findType(session.api, job.subject.type_id ?? "");
  const listed = listedTypes(type);
  const { capabilities } = type;
  return { listed, capabilities, under: listedAs(job.subject.target?.type ?? "", listed) };
};

/** The target of an action and its parameters, as they are typed; what is sealed, or more than a line, is left to fill in. */
const targetWords = ({ subject: { target }, input }: JobDocument): readonly string[] => {
  if (target === undefined) return [];
  const values = Object.entries((input["params"] ?? {}) as JsonObject).map(([name, value]) => {
    const text = String(value);
    const isPlain = typeof value !== "object" && text === oneLine(text) && !text.startsWith("[secret:");
    return `${name}=${isPlain ? text : "..."}`;
  });
  return [`${target.type}/${target.id}`, ...values.flatMap((pair) => ["--param", pair])];
};

/** A plan reads the target and sends nothing; of some capabilities none can be made. */
const planOf = ({ job, instance }: Ended, capabilities: readonly Capability[]): string[] => {
  const { capability, verb } = job.input;
  const found = capabilities.find(({ id }) => id === capability);
  if (found === undefined || job.subject.target === undefined || found.dry_run === "not_supported") return [];
  return [call("plan", instance, found.id, String(verb), ...targetWords(job))];
};

/** How to look at what the device holds: by its list where there is one of the target's type, else by a plan. */
const lookBy = (ended: Ended, { under: [type], capabilities }: Listing, ...more: string[]): string[] =>
  type === undefined
    ? planOf(ended, capabilities)
    : [call("inventory", ended.instance, "--type", type, "--all", ...more)];

/** Where no inventory lists what is acted on: one of each type that is. */
const examplesOf = (type: string, items: readonly Target[]): string[] => {
  const ones = [...new Map(items.map((item) => [item.type, item])).values()];
  if (ones.length === 0) return [`No inventory lists ${type}.`];
  const examples = ones.map((one) => `${one.external_id} (${one.type})`).join(", ");
  return [`No inventory lists ${type}; what is listed are such as ${examples}.`];
};

const adviseTarget: Advise = async (ended) => {
  const { session, job } = ended;
  const { target, instance_id = "" } = job.subject;
  if (target === undefined) return nothing;
  const { type } = target;
  const listing = await listingOf(ended);
  const { under, listed } = listing;
  const items = await lastSeenOf(session.api, instance_id, under.length > 0 ? under : listed);
  if (listed.length === 0) return nothing;
  if (under.length === 0) return { facts: [], hints: examplesOf(type, items) };
  const words = new Map(items.flatMap((item) => [[item.external_id, item] as const, [item.name, item] as const]));
  const near = [...new Set(nearest(target.id, [...words.keys()]).map((word) => words.get(word)))];
  const named = near.flatMap((item) => (item ? [`${type}/${item.external_id} (${item.name})`] : []));
  const meant = named.length === 0 ? [] : [`Did you mean ${named.join(" or ")}?`];
  return { facts: [], hints: [...meant, ...lookBy(ended, listing).map((look) => `See what is there with: ${look}`)] };
};

/** The field of the config that pins a certificate, as the type's transport names it. */
const pinField = (transports: JsonObject | null): string | undefined => {
  const entries = Object.values(transports ?? {}) as ({ tls?: { fingerprint?: Json } } | null)[];
  const template = entries.map((entry) => entry?.tls?.fingerprint).find((value) => typeof value === "string");
  return typeof template === "string" ? template.replaceAll(/[{}]/g, "") : undefined;
};

const adviseTrust: Advise = async ({ session, job, instance, shown }) => {
  const seen = job.error?.details?.["fingerprint"];
  const { transports } = await findType(session.api, job.subject.type_id ?? "");
  const field = pinField(transports);
  if (typeof seen !== "string" || field === undefined) return nothing;
  const change = call("edit", instance, "--set", `${field}=${seen}`);
  const isPinned = typeof shown?.config[field] === "string";
  const when = isPinned
    ? "When the device's certificate was renewed, and only then, trust the new one"
    : "When the device itself shows this fingerprint, and only then, trust it";
  return { facts: [], hints: [`${when}: ${change}`] };
};

/** The config leads to a place that no instance may reach; else it was the driver that wanted to go elsewhere. */
const adviseAddress: Advise = async ({ job, instance }) =>
  job.error?.details?.["refused_address"] === undefined
    ? nothing
    : { facts: [], hints: nextStepsFor("connection_refused", { instance: [instance] }) };

const advisePack: Advise = async ({ session, job }) => {
  const details = job.error?.details ?? {};
  const named = job.subject.type_id ?? details["type_id"];
  const id = typeof named === "string" ? named : undefined;
  const installed = id === undefined ? undefined : await findType(session.api, id).catch(() => undefined);
  // A failed upgrade leaves what works.
  if (installed?.status === "valid") return { facts: [], hints: ["Mend the pack and install it again."] };
  return {
    facts: [],
    hints: [
      "Mend the pack and install it again: what is mended takes the place of this one.",
      `Or take it away: ${id === undefined ? form("remove <type>") : call("remove", id)}`,
    ],
  };
};

const byCode: Readonly<Record<string, Advise>> = {
  target_not_found: adviseTarget,
  tls_untrusted: adviseTrust,
  tls_name_mismatch: adviseTrust,
  endpoint_not_allowed: adviseAddress,
  pack_invalid: advisePack,
};

/** A write that was sent is not taken back by the end of its job. */
const adviseWrites: Advise = async (ended) => {
  const { session, job } = ended;
  const { items } = await session.api.read<Page<JournalDocument>>(`${paths.jobs}/${job.id}/journal`);
  if (items.length === 0) return { facts: ["Nothing was sent to the device."], hints: [] };
  const lines = items.map((entry) => `  ${entry.index + 1}. ${requestText(entry)}: ${answerText(entry)}`);
  const hints = lookBy(ended, await listingOf(ended), "--refresh").map((look) => `Look at the device: ${look}`);
  return {
    facts: ["What was sent:", ...lines],
    hints: [...hints, `What was sent and answered: ${call("journal", job.id)}`],
  };
};

const isOpenEnded = ({ kind, state, attempt }: JobDocument): boolean =>
  kind === "action.run" &&
  attempt > 0 &&
  ["failed", "timed_out", "cancelled", "unknown_outcome", "partial"].includes(state);

const knownOf = ({ job, instance }: Ended): Known => {
  const { capability, verb } = job.input;
  return {
    ...(instance === "" ? {} : { instance: [instance] }),
    ...(job.subject.target === undefined
      ? {}
      : { capability: [String(capability)], verb: [String(verb)], target: targetWords(job) }),
    "plan|run": [job.kind === "action.plan" ? "plan" : "run"],
    job: [job.id],
  };
};

/** Never fails: what cannot be found out is left out. */
export const adviseAfter = async (session: Session, job: JobDocument): Promise<Advised> => {
  const advise = byCode[job.error?.code ?? ""];
  const wanted = [...(advise ? [advise] : []), ...(isOpenEnded(job) ? [adviseWrites] : [])];
  const none = { ...nothing, known: {} };
  if (job.state === "succeeded" || (wanted.length === 0 && job.error === null)) return none;
  try {
    const id = job.subject.instance_id;
    const instances = id === undefined ? [] : await listInstances(session.api);
    const shown = instances.find(({ instance_id }) => instance_id === id);
    const ended: Ended = { session, job, instance: shown?.name ?? id ?? "", shown };
    const found = await Promise.all(wanted.map((one) => one(ended)));
    const [facts, hints] = [found.flatMap((one) => one.facts), found.flatMap((one) => one.hints)];
    return { facts, hints, known: knownOf(ended) };
  } catch {
    return none;
  }
};
