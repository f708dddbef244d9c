/** What an Alertmanager answers, as far as it is used here, and what is said of an answer that is no such thing. */
import { DriverError, type Json } from "switchyard/sdk";

type Members = Readonly<Record<string, Json | undefined>>;

/** Labels and annotations. */
export type Words = Readonly<Record<string, string>>;

export interface Status {
  readonly version: string;
  /** ready, settling, or disabled for one that stands alone. */
  readonly cluster: string;
  readonly peers: number;
}

export interface Alert {
  readonly fingerprint: string;
  readonly labels: Words;
  readonly annotations: Words;
  readonly startsAt: string;
  /** active, suppressed or unprocessed. */
  readonly state: string;
  readonly silencedBy: readonly string[];
  readonly inhibitedBy: readonly string[];
}

export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export interface Silence {
  readonly id: string;
  /** active, pending or expired. */
  readonly state: string;
  readonly matchers: readonly Matcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly author: string;
  readonly comment: string;
}

const shown = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "a list" : typeof value);

const misfit = (expected: string, got: unknown): DriverError =>
  new DriverError(
    "protocol_mismatch",
    `Expected ${expected}, got ${shown(got)}. Check the URL: is this an Alertmanager with the API v2 (0.16 or later)?`,
  );

const membersOf = (value: unknown, what: string): Members => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Members;
  throw misfit(`${what} as an object`, value);
};

const listOf = (value: unknown, what: string): readonly Json[] => {
  if (Array.isArray(value)) return value as readonly Json[];
  throw misfit(`a list of ${what}`, value);
};

const textOf = (value: unknown, what: string): string => {
  if (typeof value === "string") return value;
  throw misfit(`${what} as a text`, value);
};

const wordsOf = (value: unknown, what: string): Words =>
  Object.fromEntries(Object.entries(membersOf(value, what)).map(([name, word]) => [name, textOf(word, what)]));

const timeOf = (value: unknown, what: string): string => {
  const time = Date.parse(textOf(value, what));
  if (Number.isNaN(time)) throw misfit(`${what} as a time`, value);
  return new Date(time).toISOString();
};

export const statusOf = (body: unknown): Status => {
  const { versionInfo, cluster } = membersOf(body, "the status");
  const { status, peers } = membersOf(cluster, "the cluster");
  return {
    version: textOf(membersOf(versionInfo, "the version").version, "the version"),
    cluster: textOf(status, "the cluster's status"),
    peers: Array.isArray(peers) ? peers.length : 0,
  };
};

const alertOf = (item: Json): Alert => {
  const alert = membersOf(item, "an alert");
  const { state, silencedBy, inhibitedBy } = membersOf(alert.status, "an alert's status");
  return {
    fingerprint: textOf(alert.fingerprint, "a fingerprint"),
    labels: wordsOf(alert.labels, "an alert's labels"),
    annotations: wordsOf(alert.annotations ?? {}, "an alert's annotations"),
    startsAt: timeOf(alert.startsAt, "an alert's start"),
    state: textOf(state, "an alert's state"),
    silencedBy: listOf(silencedBy, "silences").map((id) => textOf(id, "a silence's id")),
    inhibitedBy: listOf(inhibitedBy, "alerts").map((id) => textOf(id, "a fingerprint")),
  };
};

const matcherOf = (item: Json): Matcher => {
  const { name, value, isRegex, isEqual } = membersOf(item, "a matcher");
  return {
    name: textOf(name, "a label's name"),
    value: textOf(value, "a label's value"),
    isRegex: isRegex === true,
    // Versions before 0.22 know nothing but equality and do not say so.
    isEqual: isEqual !== false,
  };
};

const silenceOf = (item: Json): Silence => {
  const silence = membersOf(item, "a silence");
  return {
    id: textOf(silence.id, "a silence's id"),
    state: textOf(membersOf(silence.status, "a silence's status").state, "a silence's state"),
    matchers: listOf(silence.matchers, "matchers").map(matcherOf),
    startsAt: timeOf(silence.startsAt, "a silence's start"),
    endsAt: timeOf(silence.endsAt, "a silence's end"),
    author: textOf(silence.createdBy, "a silence's author"),
    comment: textOf(silence.comment ?? "", "a silence's comment"),
  };
};

export const alertsOf = (body: unknown): readonly Alert[] => listOf(body, "alerts").map(alertOf);
export const silencesOf = (body: unknown): readonly Silence[] => listOf(body, "silences").map(silenceOf);
