/** A real Prometheus for a test: on a free port, in a folder of its own, with one target up, one down, and rules. */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endProgram, findProgram, freePort, hasPrograms, spawnGuarded } from "./program.ts";

export interface TestPrometheus {
  /** Base URL, with a path prefix. */
  readonly url: string;
  stop(): Promise<void>;
}

const program = findProgram("prometheus");
/** Comes with it: checks rules and tests them. */
export const promtool = findProgram("promtool") ?? "promtool";
/** For `describe.skipIf(!hasPrometheus)`; in strict runs a missing program is a failure instead. */
export const hasPrometheus = hasPrograms("prometheus");

export interface PrometheusOptions {
  /** Where else to scrape /metrics, as `host:port`. */
  readonly target?: string;
  /** More rules, as a path. */
  readonly rules?: string;
}

const scrape = ({ target }: PrometheusOptions): string =>
  target === undefined ? "" : `  - job_name: switchyard\n    static_configs: [{ targets: ["${target}"] }]\n`;

const settings = (port: number, closedPort: number, options: PrometheusOptions): string => `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [rules.yml${options.rules === undefined ? "" : `, ${options.rules}`}]
scrape_configs:
  - job_name: self
    metrics_path: /prom/metrics
    static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { site: lab } }]
  - job_name: gone
    static_configs: [{ targets: ["127.0.0.1:${closedPort}"] }]
${scrape(options)}`;
const rules = `
groups:
  - name: lab
    rules:
      - { alert: TargetDown, expr: up == 0, for: 1s, labels: { severity: critical }, annotations: { summary: A target is down } }
      - { alert: NeverFires, expr: vector(0) > 1, labels: { severity: warning } }
      - { alert: NeverFires, expr: vector(0) > 2, labels: { severity: critical } }
      - { record: "job:up:sum", expr: sum by (job) (up) }
`;

const untilReady = async (child: ChildProcess, url: string): Promise<void> => {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const answer = await fetch(`${url}/-/ready`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error("Expected Prometheus to get ready, but it did not.");
};

export const startPrometheus = async (options: PrometheusOptions = {}): Promise<TestPrometheus> => {
  if (program === undefined) throw new Error("Expected prometheus on PATH; install the package prometheus.");
  const folder = await mkdtemp(join(tmpdir(), "sw-prometheus-"));
  const port = await freePort();
  await writeFile(join(folder, "prometheus.yml"), settings(port, await freePort(), options));
  await writeFile(join(folder, "rules.yml"), rules);
  const child = spawnGuarded(program, [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.external-url=http://127.0.0.1/prom",
  ]);
  const url = `http://127.0.0.1:${port}/prom`;
  await untilReady(child, url);
  return {
    url,
    stop: async () => {
      await endProgram(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
