/** Things by what a person calls them: a name, an id, or the beginning of an id that no other has. */
import { didYouMean } from "../../model/nearest.ts";
import { call, form } from "../called.ts";
import { type CliFailure, notFound, usage } from "../failure.ts";
import type { Client } from "./http.ts";
import type { InstanceDocument, JobDocument, Page, TokenDocument, TypeDocument } from "./wire.ts";

export const paths = {
  types: "/api/integrations/types",
  instances: "/api/integrations/instances",
  jobs: "/api/jobs",
  plans: "/api/plans",
  schedules: "/api/schedules",
  tokens: "/api/tokens",
} as const;

export const listTypes = (api: Client): Promise<readonly TypeDocument[]> => api.read(paths.types);
export const listInstances = (api: Client): Promise<readonly InstanceDocument[]> => api.read(paths.instances);

/** The part of an id that its table shows where room is scarce: the time and some chance behind it. */
export const shortId = (id: string): string => id.slice(0, 18);

/** Fewer characters begin the ids of a whole hour. */
const leastBeginning = 10;

interface Kind<T> {
  /** `an instance`. */
  readonly noun: string;
  readonly id: (item: T) => string;
  readonly name: (item: T) => string;
  /** The command that lists them. */
  readonly list: string;
  /** A beginning of an id means none of them. */
  readonly isWhole?: boolean;
}

const ambiguous = (asked: string, ids: readonly string[]): CliFailure =>
  usage(`${asked} is the beginning of ${ids.length} ids: ${ids.slice(0, 5).join(", ")}.`, ["Give some more of it."]);

const sharedName = (asked: string, ids: readonly string[], noun: string): CliFailure =>
  usage(`${ids.length} ${noun}s are called ${JSON.stringify(asked)}: ${ids.slice(0, 5).join(", ")}.`, ["Give the id."]);

const isCalled = (asked: string, name: string): boolean => name.toLowerCase() === asked.toLowerCase();

/** By id, then by name, then by how an id begins. */
const matching = <T>(asked: string, all: readonly T[], { id, name, isWhole }: Kind<T>): readonly T[] => {
  const itself = all.find((item) => id(item) === asked);
  if (itself !== undefined) return [itself];
  const exact = all.filter((item) => name(item) === asked);
  if (exact.length > 0) return exact;
  const alike = all.filter((item) => isCalled(asked, name(item)));
  if (alike.length > 0) return alike;
  return isWhole || asked.length < leastBeginning ? [] : all.filter((item) => id(item).startsWith(asked));
};

/** @throws CliFailure not found, with the names that are near; wrong usage when several begin like this. */
const find = <T>(asked: string, all: readonly T[], kind: Kind<T>): T => {
  const found = matching(asked, all, kind);
  const [only] = found;
  if (only !== undefined && found.length > 1) {
    const ids = found.map(kind.id);
    throw isCalled(asked, kind.name(only)) ? sharedName(asked, ids, kind.noun) : ambiguous(asked, ids);
  }
  if (only !== undefined) return only;
  const near = didYouMean(asked, [...new Set(all.map(kind.name))]);
  throw notFound(`There is no ${kind.noun} ${JSON.stringify(asked)}.`, [...near, `List them with: ${form(kind.list)}`]);
};

const instanceKind: Kind<InstanceDocument> = {
  ...{ noun: "instance", list: "instances" },
  id: ({ instance_id }) => instance_id,
  name: ({ name }) => name,
};

/** @throws CliFailure not found, with the names that are near. */
export const findInstance = async (api: Client, asked: string): Promise<InstanceDocument> =>
  find(asked, await listInstances(api), instanceKind);

const typeKind: Kind<TypeDocument> = {
  ...{ noun: "integration type", list: "types" },
  id: ({ id }) => id,
  name: ({ id }) => id,
};

/** A name is what its author chose, and several may have chosen it: it counts where no id is called so. */
const typeOf = async (api: Client, asked: string, kind: Kind<TypeDocument>): Promise<TypeDocument> => {
  const all = await listTypes(api);
  const isId = all.some(({ id }) => isCalled(asked, id));
  const isName = !isId && all.some(({ name }) => isCalled(asked, name));
  return find(asked, all, isName ? { ...kind, name: ({ name }) => name } : kind);
};

/** @throws CliFailure not found, with the ids that are near. */
export const findType = (api: Client, asked: string): Promise<TypeDocument> => typeOf(api, asked, typeKind);

/** The same where a wrong guess would take something away: ids of types are beginnings of each other. */
export const findWholeType = (api: Client, asked: string): Promise<TypeDocument> =>
  typeOf(api, asked, { ...typeKind, isWhole: true });

/** @throws CliFailure not found. */
export const findToken = async (api: Client, asked: string): Promise<TokenDocument> => {
  const { items } = await api.read<Page<TokenDocument>>(paths.tokens);
  const live = items.filter(({ revoked_at, id }) => revoked_at === null || id === asked);
  return find(asked, live, { noun: "token", list: "token list", id: ({ id }) => id, name: ({ name }) => name });
};

/** What may be an id of a job or the beginning of one, by the letters that there are in ids. */
const jobIdForm = /^(?:job_)?([0-7][0-9a-hjkmnp-tv-z]{0,25})$/;
const lettersOfJobId = 26;
const leastOfJobId = leastBeginning - "job_".length;

/** The whole id; a job may be called by how its id begins. */
export const findJobId = async (api: Client, asked: string): Promise<string> => {
  const [, letters = ""] = jobIdForm.exec(asked) ?? [];
  if (letters.length === lettersOfJobId) return `job_${letters}`;
  const isShort = letters !== "" && letters.length < leastOfJobId;
  const none = notFound(`There is no job ${JSON.stringify(asked)}.`, [
    ...(isShort ? [`An id is shortened to ${leastBeginning} characters at least, such as job_01jd0c.`] : []),
    `List them with: ${call("jobs")}`,
  ]);
  if (letters.length < leastOfJobId) throw none;
  const { items } = await api.read<Page<JobDocument>>(paths.jobs, { id: `job_${letters}`, limit: 6 });
  const [only] = items;
  if (only === undefined) throw none;
  const ids = items.map(({ id }) => id);
  if (ids.length > 1) throw ambiguous(asked, ids);
  return only.id;
};

/** @throws CliFailure not found. */
export const findJob = async (api: Client, asked: string): Promise<JobDocument> =>
  api.read(`${paths.jobs}/${await findJobId(api, asked)}`);
