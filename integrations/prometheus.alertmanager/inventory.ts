/** Alerts and silences as inventory items. */
import type { Target } from "switchyard/sdk";
import type { Alert, Matcher, Silence } from "./answers.ts";

export const nameOf = ({ labels, fingerprint }: Alert): string => labels["alertname"] ?? fingerprint;

export const alertTarget = (alert: Alert): Target => ({
  type: "alert",
  external_id: alert.fingerprint,
  name: nameOf(alert),
  attrs: {
    status: alert.state,
    starts_at: alert.startsAt,
    silenced_by: [...alert.silencedBy],
    inhibited_by: [...alert.inhibitedBy],
    annotations: { ...alert.annotations },
  },
  labels: { ...alert.labels },
});

const operatorOf = ({ isRegex, isEqual }: Matcher): string => {
  if (isRegex) return isEqual ? "=~" : "!~";
  return isEqual ? "=" : "!=";
};

/** As Alertmanager's own command line writes it: `alertname="DiskFull"`. */
const textOf = (matcher: Matcher): string => `${matcher.name}${operatorOf(matcher)}${JSON.stringify(matcher.value)}`;

export const silenceTarget = ({ id, state, matchers, startsAt, endsAt, author, comment }: Silence): Target => ({
  type: "silence",
  external_id: id,
  name: matchers.map(textOf).join(","),
  attrs: { status: state, starts_at: startsAt, ends_at: endsAt, author, comment },
  labels: {},
});
