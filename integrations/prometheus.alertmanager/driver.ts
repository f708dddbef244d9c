/** Drives an Alertmanager: says whether it answers, lists alerts and silences, silences an alert and ends that. */
import {
  type ActionCall,
  type ConnectionTestResult,
  Driver,
  DriverError,
  type HttpResponse,
  type InventoryCall,
  type Target,
} from "switchyard/sdk";
import { type Alert, alertsOf, type Silence, silencesOf, statusOf } from "./answers.ts";
import { alertTarget, silenceTarget } from "./inventory.ts";
import { creation, expiry, ownSilences } from "./silence-plan.ts";

const causes: Readonly<Record<number, readonly [code: string, next: string]>> = {
  401: ["auth_failed", "Check the user name and password, or the bearer token."],
  403: ["permission_denied_remote", "Allow these credentials to use the API at the proxy in front."],
  404: ["protocol_mismatch", "Check the URL: a server behind a route prefix needs it in the URL."],
};

const refusalOf = ({ status, body }: HttpResponse, doing: string): DriverError => {
  const [code, next] = causes[status] ?? ["device_error", `It says: ${body.trim().slice(0, 300) || "nothing"}`];
  return new DriverError(code, `Alertmanager answered ${status} to ${doing}. ${next}`, { status });
};

/** What a silence may be asked for with; the manifest has the schema. */
interface SilenceParams {
  readonly until?: string;
  readonly comment?: string;
}

export class AlertmanagerDriver extends Driver<{ readonly author: string }> {
  static readonly handles = {
    "inventory.list": { verbs: ["list"], targets: ["alert", "silence"] },
    "alert.silence": { verbs: ["create", "expire"], targets: ["alert"] },
  };

  async test_connection(): Promise<ConnectionTestResult> {
    const answer = await this.read("/api/v2/status");
    const { version, cluster, peers } = statusOf(answer.json());
    return {
      status: cluster === "settling" ? "degraded" : "connected",
      latency_ms: answer.latency_ms,
      message: `Alertmanager ${version}; its cluster is ${cluster}`,
      details: { version, cluster, peers },
    };
  }

  /** Expired silences are history: the server keeps them for days. */
  async inventory_list({ targetType }: InventoryCall): Promise<readonly Target[]> {
    if (targetType === "alert") return (await this.alerts()).map(alertTarget);
    return (await this.silences()).filter(({ state }) => state !== "expired").map(silenceTarget);
  }

  async alert_silence({ verb, target, params, dryRun }: ActionCall) {
    if (!dryRun) return this.send(verb);
    const alert = (await this.alerts()).find(({ fingerprint }) => fingerprint === target.id);
    if (!alert) {
      throw new DriverError(
        "target_not_found",
        `No alert with the fingerprint ${target.id} fires: list the alerts anew.`,
      );
    }
    const own = ownSilences(alert, await this.silences());
    if (verb === "expire") return expiry(alert, own);
    const { until, comment = "" } = params as SilenceParams;
    const wanted = { until: until === undefined ? null : new Date(until).toISOString(), comment, ...this.config };
    return creation(alert, own, { ...wanted, now: Date.now() });
  }

  private async send(verb: string) {
    const answers = await this.apply();
    const refused = answers.find(({ status }) => status !== 200);
    if (refused) throw refusalOf(refused, `${verb} a silence`);
    const { silenceID = null } = verb === "create" ? (answers[0]?.json<{ silenceID?: string } | null>() ?? {}) : {};
    return { ok: true, details: silenceID === null ? {} : { silence: silenceID } };
  }

  private async alerts(): Promise<readonly Alert[]> {
    return alertsOf((await this.read("/api/v2/alerts")).json());
  }

  private async silences(): Promise<readonly Silence[]> {
    return silencesOf((await this.read("/api/v2/silences")).json());
  }

  private async read(path: string): Promise<HttpResponse> {
    const answer = await this.transports.http.request({ path });
    if (answer.status !== 200) throw refusalOf(answer, `GET ${path}`);
    return answer;
  }
}
