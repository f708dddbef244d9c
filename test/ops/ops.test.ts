/** What operators load into Grafana and Prometheus, held against what a running system really shows. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { hasPrometheus, promtool, startPrometheus, type TestPrometheus } from "../kit/prometheus.ts";
import { type System, startSystem } from "../kit/system.ts";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Place;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: object }[];
}
interface Dashboard {
  readonly __inputs: readonly { readonly name: string; readonly type: string; readonly pluginId: string }[];
  readonly schemaVersion: number;
  readonly title: string;
  readonly uid: string;
  readonly panels: readonly Panel[];
}
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: object }[];
  }[];
}

const ops = join(import.meta.dirname, "..", "..", "ops");
const alertsFile = join(ops, "alerts.yml");
const dashboard = JSON.parse(readFileSync(join(ops, "grafana-dashboard.json"), "utf8")) as Dashboard;
const alerts = (parse(readFileSync(alertsFile, "utf8")) as Rules).groups.flatMap(({ rules }) => rules);
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

const namesIn = (expr: string): string[] => expr.match(/switchyard_\w+/g) ?? [];
const family = (name: string): string => name.replace(/_(bucket|count|sum)$/, "");
const asked = (expr: string): string => expr.replaceAll("$__rate_interval", "1m");

const overlaps = (one: Place, other: Place): boolean =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

const run = promisify(execFile);

describe("the dashboard", () => {
  it("is what Grafana imports: it asks for a data source and each panel uses that one", () => {
    expect(dashboard.__inputs).toMatchObject([{ name: "DS_PROMETHEUS", type: "datasource", pluginId: "prometheus" }]);
    expect(dashboard).toMatchObject({ title: "Switchyard", uid: "switchyard", schemaVersion: expect.any(Number) });
    const source = { type: "prometheus", uid: "${DS_PROMETHEUS}" };
    for (const panel of panels) {
      expect(["stat", "timeseries"]).toContain(panel.type);
      expect(panel.datasource).toEqual(source);
      expect(panel.targets?.length).toBeGreaterThan(0);
      for (const target of panel.targets ?? []) expect(target.datasource).toEqual(source);
      expect(new Set(panel.targets?.map(({ refId }) => refId)).size).toBe(panel.targets?.length);
      expect(panel.description, panel.title).toBeTruthy();
    }
  });

  it("has each panel at a place and under a number of its own", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const places = dashboard.panels.map(({ gridPos }) => gridPos);
    const crossing = places.filter((one, index) => places.some((other, at) => at > index && overlaps(one, other)));
    expect(crossing).toEqual([]);
    for (const { x, w } of places) expect(x + w).toBeLessThanOrEqual(24);
  });
});

describe.skipIf(!hasPrometheus)("the alerts", () => {
  it("are rules that Prometheus takes, and each says what to do", async () => {
    const { stdout } = await run(promtool, ["check", "rules", alertsFile]);
    expect(stdout).toContain(`SUCCESS: ${alerts.length} rules found`);
    for (const { alert, annotations } of alerts) {
      expect(annotations, alert).toMatchObject({
        summary: expect.stringMatching(/./),
        description: expect.stringMatching(/\./),
      });
    }
  });

  it("are raised by what they are for, and by nothing else", async () => {
    const { stdout } = await run(promtool, ["test", "rules", join(import.meta.dirname, "alerts.yml")]);
    expect(stdout).toContain("SUCCESS");
  });
});

describe.skipIf(!hasPrometheus)("a running system under a real Prometheus", () => {
  let system: System;
  let prometheus: TestPrometheus;
  let offered: ReadonlySet<string>;

  const ask = async (expr: string): Promise<{ status: string; error?: string; data: { result: unknown[] } }> => {
    const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(asked(expr))}`);
    return answer.json() as never;
  };
  const count = async (expr: string): Promise<number> => (await ask(expr)).data.result.length;

  /** Something of everything that the panels show. */
  const work = async (): Promise<void> => {
    const { body } = await system.call<{ instance_id: string }[]>("GET", "/api/integrations/instances");
    const path = `/api/integrations/instances/${body[0]?.instance_id}`;
    const lifecycle = (verb: string, id: string) =>
      system.call(
        "POST",
        `${path}/actions`,
        { capability: "vm.lifecycle", verb, target: { type: "vm", id }, confirm: true },
        { prefer: "wait=30" },
      );
    await system.call("GET", `${path}/inventory?type=vm&active_only=false`);
    await Promise.all([lifecycle("shutdown", "100"), lifecycle("reset", "100"), lifecycle("start", "99999")]);
  };

  beforeAll(async () => {
    system = await startSystem({ lab: true });
    prometheus = await startPrometheus({ target: new URL(system.url).host, rules: alertsFile });
    // A rate needs a series twice: what the first round brings forth, the second one raises.
    for (let round = 1; round <= 2; round += 1) {
      await work();
      const isScraped = async () =>
        expect(await count(`sum(switchyard_jobs_settled_total{kind="action.run"}) >= ${3 * round}`)).toBe(1);
      await vi.waitFor(isScraped, { timeout: 20_000, interval: 250 });
    }
    const isSeen = async () =>
      expect(await count("rate(switchyard_lock_wait_seconds_count[1m]) > 0")).toBeGreaterThan(0);
    await vi.waitFor(isSeen, { timeout: 20_000, interval: 250 });
    const text = await (await fetch(`${system.url}/metrics`)).text();
    offered = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? ""));
  }, 120_000);
  afterAll(async () => {
    await prometheus?.stop();
    await system?.dispose();
  }, 40_000);

  it("is scraped without a fault", async () => {
    const answer = await fetch(`${prometheus.url}/api/v1/targets`);
    const { data } = (await answer.json()) as {
      data: { activeTargets: { scrapePool: string; health: string; lastError: string }[] };
    };
    expect(data.activeTargets.find(({ scrapePool }) => scrapePool === "switchyard")).toMatchObject({
      health: "up",
      lastError: "",
    });
  });

  it("offers every figure that a panel or an alert asks for", () => {
    const missing = [...queries, ...alerts]
      .flatMap(({ expr }) => namesIn(expr))
      .filter((name) => !offered.has(family(name)));
    expect(missing).toEqual([]);
  });

  it("has every one of its figures on a panel", () => {
    const shown = new Set(queries.flatMap(({ expr }) => namesIn(expr)).map(family));
    const own = [...offered].filter((name) => name.startsWith("switchyard_") && name !== "switchyard_build_info");
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
  });

  it.each(queries)("answers the panel $title: $expr", async ({ expr }) => {
    const { status, error } = await ask(expr);
    expect([status, error]).toEqual(["success", undefined]);
  });

  it("shows something on each panel once there is something to show", async () => {
    const filled = await Promise.all(
      panels.map(async ({ title, targets = [] }) => {
        const counts = await Promise.all(targets.map(({ expr }) => count(expr)));
        return counts.some((found) => found > 0) ? "" : title;
      }),
    );
    // The lab may be too young for its first schedule.
    expect(filled.filter((title) => title !== "" && title !== "Late schedules")).toEqual([]);
  });

  it("evaluates the alerts, and a healthy system raises none", async () => {
    const answer = await fetch(`${prometheus.url}/api/v1/rules`);
    const { data } = (await answer.json()) as {
      data: { groups: { name: string; rules: { name: string; health: string; state: string }[] }[] };
    };
    const rules = data.groups.find(({ name }) => name === "switchyard")?.rules ?? [];
    expect(rules.map(({ name }) => name)).toEqual(alerts.map(({ alert }) => alert));
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    expect(rules.filter(({ state }) => state === "firing").map(({ name }) => name)).toEqual([]);
  });
});
