/** Drives a Prometheus server: says whether it answers, and lists its scrape targets and alerting rules. */
import { type ConnectionTestResult, Driver, DriverError, type InventoryCall, type Target } from "switchyard/sdk";
import { type ActiveTarget, alertRules, type RuleGroup, scrapeTargets } from "./inventory.ts";

interface Answer<Data> {
  readonly status?: string;
  readonly data?: Data;
  readonly error?: string;
}

const causes: Readonly<Record<number, readonly [code: string, next: string]>> = {
  401: ["auth_failed", "Check the user name and password, or the bearer token."],
  403: ["permission_denied_remote", "Allow these credentials to read the API at the proxy in front."],
  404: ["protocol_mismatch", "Check the URL: a server behind a path prefix needs it in the URL."],
  503: ["device_error", "The server is starting or shutting down: try again in a minute."],
};

/** A list that the answer promises; something else than a Prometheus may answer at this URL. */
const listIn = <Name extends string, Item>(holder: Readonly<Record<Name, readonly Item[]>>, name: Name) => {
  const list: unknown = holder[name];
  if (Array.isArray(list)) return list as readonly Item[];
  const seen = list === null ? "null" : typeof list;
  throw new DriverError(
    "protocol_mismatch",
    `Expected a list of ${name}, got ${seen}. Check the URL: is this a Prometheus?`,
  );
};

export class PrometheusDriver extends Driver<{ readonly url: string }> {
  static handles = { "inventory.list": { verbs: ["list"], targets: ["scrape_target", "alert_rule"] } };

  async test_connection(): Promise<ConnectionTestResult> {
    const build = await this.read<{ version: string }>("/api/v1/status/buildinfo");
    const targets = await this.targets();
    const up = targets.filter(({ health }) => health === "up").length;
    const message = `Prometheus ${build.data.version}; ${up} of ${targets.length} targets up`;
    const details = { version: build.data.version, targets: targets.length, targets_up: up };
    return { status: "connected", latency_ms: build.latencyMs, message, details };
  }

  async inventory_list({ targetType }: InventoryCall): Promise<readonly Target[]> {
    if (targetType === "scrape_target") return scrapeTargets(await this.targets());
    const { data } = await this.read<{ groups: readonly RuleGroup[] }>("/api/v1/rules", { type: "alert" });
    return alertRules(listIn(data, "groups").map((group) => ({ ...group, rules: listIn(group, "rules") })));
  }

  private async targets(): Promise<readonly ActiveTarget[]> {
    const { data } = await this.read<{ activeTargets: readonly ActiveTarget[] }>("/api/v1/targets", {
      state: "active",
    });
    return listIn(data, "activeTargets");
  }

  private async read<Data>(path: string, query: Record<string, string> = {}) {
    const answer = await this.transports.http.request({ path, query });
    if (answer.status !== 200) {
      const [code, next] = causes[answer.status] ?? ["device_error", "Look at the server's log."];
      throw new DriverError(code, `Prometheus answered ${answer.status} to GET ${path}. ${next}`);
    }
    const { status, data, error = "no data" } = answer.json<Answer<Data> | null>() ?? {};
    if (status === "success" && data !== undefined) return { data, latencyMs: answer.latency_ms };
    throw new DriverError("device_error", `Prometheus could not answer GET ${path}: ${error}. Look at its log.`);
  }
}
