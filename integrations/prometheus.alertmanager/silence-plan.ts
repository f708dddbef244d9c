/** What silences one alert, and what ends that: the steps, and what they change. */
import type { DryRunResult, Json, JsonObject } from "switchyard/sdk";
import type { Alert, Silence } from "./answers.ts";
import { nameOf } from "./inventory.ts";

/** A silence that begins in the past begins when it is made; a plan that named the hour would not hold. */
const longAgo = "1970-01-01T00:00:00.000Z";

/** Those that hold now and match each label of this alert and nothing else, the longest first. */
export const ownSilences = ({ labels }: Alert, silences: readonly Silence[]): readonly Silence[] => {
  const size = Object.keys(labels).length;
  const isOwn = ({ matchers }: Silence): boolean =>
    matchers.length === size &&
    matchers.every(({ name, value, isRegex, isEqual }) => !isRegex && isEqual && labels[name] === value);
  return silences
    .filter((silence) => silence.state === "active" && isOwn(silence))
    .sort((one, other) => Date.parse(other.endsAt) - Date.parse(one.endsAt));
};

/** What a person sees of the silence; also what an undo makes it anew from. */
const stateOf = ([longest]: readonly Silence[]): Json =>
  longest === undefined ? null : { until: longest.endsAt, comment: longest.comment };

export interface Wanted {
  readonly until: string | null;
  readonly comment: string;
  readonly author: string;
  readonly now: number;
}

const matchersOf = ({ labels }: Alert): Json[] =>
  Object.entries(labels)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));

const bodyOf = (alert: Alert, { until, comment, author }: Wanted): JsonObject => ({
  matchers: matchersOf(alert),
  startsAt: longAgo,
  endsAt: until ?? longAgo,
  createdBy: author,
  comment,
});

export const creation = (alert: Alert, own: readonly Silence[], wanted: Wanted): DryRunResult => {
  const { until, comment, now } = wanted;
  const step = { transport: "http", method: "POST", path: "/api/v2/silences", json: bodyOf(alert, wanted) };
  return {
    ok: true,
    severity: "info",
    preconditions: [
      { check: "until_lies_ahead", ok: until !== null && Date.parse(until) > now, details: { until } },
      { check: "has_no_silence_of_its_own", ok: own.length === 0, details: { silences: own.map(({ id }) => id) } },
    ],
    plan: { kind: "api", steps: [step] },
    effects: {
      summary: `${nameOf(alert)} is silenced until ${until}`,
      per_target: [{ id: alert.fingerprint, from: stateOf(own), to: { until, comment } }],
    },
  };
};

export const expiry = (alert: Alert, own: readonly Silence[]): DryRunResult => ({
  ok: true,
  severity: alert.silencedBy.length > own.length ? "warn" : "info",
  preconditions: [
    { check: "has_a_silence_of_its_own", ok: own.length > 0, details: { silenced_by: [...alert.silencedBy] } },
  ],
  plan: {
    kind: "api",
    steps: own.map(({ id }) => ({
      transport: "http",
      method: "DELETE",
      path: `/api/v2/silence/${encodeURIComponent(id)}`,
    })),
  },
  effects: {
    summary:
      alert.silencedBy.length > own.length
        ? `${nameOf(alert)} stays silenced by silences of more than itself`
        : `${nameOf(alert)} is no longer silenced`,
    per_target: [{ id: alert.fingerprint, from: stateOf(own), to: null }],
  },
});
