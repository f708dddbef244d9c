/** Scrape targets and alerting rules as inventory items. */
import type { JsonObject, Target } from "switchyard/sdk";

type Labels = Readonly<Record<string, string>>;

/** A row of GET /api/v1/targets. */
export interface ActiveTarget {
  readonly labels: Labels;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
  /** Seconds. */
  readonly lastScrapeDuration: number;
  /** up, down or unknown. */
  readonly health: string;
  readonly scrapeInterval?: string;
}
interface AlertRule {
  readonly type: string;
  readonly name: string;
  readonly query: string;
  /** Seconds for which the condition must hold. */
  readonly duration: number;
  /** inactive, pending or firing. */
  readonly state: string;
  readonly health: string;
  readonly lastError?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly alerts?: readonly unknown[];
}
export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  readonly rules: readonly AlertRule[];
}

const given = (pairs: Readonly<Record<string, string | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(pairs).filter((pair): pair is [string, string] => Boolean(pair[1])));

/** Rules may share a name and targets an address: the later ones are told apart by a number. */
const withUniqueIds = (items: readonly Target[]): readonly Target[] => {
  const seen = new Map<string, number>();
  return items.map((item) => {
    const id = item.external_id.slice(0, 490);
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return { ...item, external_id: count === 1 ? id : `${id}#${count}` };
  });
};

export const scrapeTargets = (rows: readonly ActiveTarget[]): readonly Target[] =>
  withUniqueIds(
    rows.map(({ labels, scrapePool, scrapeUrl, lastError, lastScrapeDuration, health, scrapeInterval }) => ({
      type: "scrape_target",
      external_id: `${scrapePool}/${scrapeUrl}`,
      name: labels["instance"] ?? scrapeUrl,
      attrs: {
        status: health,
        scrape_url: scrapeUrl,
        scrape_latency_ms: Math.round(lastScrapeDuration * 1000),
        ...given({ job: labels["job"], scrape_interval: scrapeInterval, last_error: lastError }),
      },
      labels: { ...labels },
    })),
  );

export const alertRules = (groups: readonly RuleGroup[]): readonly Target[] =>
  withUniqueIds(
    groups.flatMap(({ name: group, file, rules }) =>
      rules.map((rule) => ({
        type: "alert_rule",
        external_id: `${file}/${group}/${rule.name}`,
        name: rule.name,
        attrs: {
          status: rule.state,
          health: rule.health,
          group,
          query: rule.query,
          for_s: rule.duration,
          active_alerts: rule.alerts?.length ?? 0,
          ...given({ last_error: rule.lastError, summary: rule.annotations?.["summary"] }),
        },
        labels: { ...rule.labels },
      })),
    ),
  );
