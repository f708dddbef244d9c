/** The one door to prom-client: what is counted, and its text. */
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from "prom-client";

const seconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300];

/** The figures of one process. `text()` is the Prometheus exposition. */
export interface Metrics {
  readonly contentType: string;
  jobAdmitted(kind: string): void;
  jobSettled(kind: string, state: string, runSeconds: number): void;
  jobStarted(kind: string, waitedSeconds: number): void;
  jobParked(kind: string): void;
  sandboxStarted(level: string): void;
  sandboxKilled(reason: string): void;
  callRefused(code: string): void;
  cacheRead(state: string): void;
  request(method: string, route: string, status: number): void;
  queueDepth(queue: string, state: string, count: number): void;
  watchers(count: number): void;
  /** The figures as JSON text, for another process to show. */
  snapshot(): Promise<string>;
  /** The exposition of this process and of others, by their snapshots: counters and buckets are summed. */
  text(others?: readonly string[]): Promise<string>;
}

const counters = (registers: Registry[]) => ({
  admitted: new Counter({
    name: "switchyard_jobs_admitted_total",
    help: "Jobs accepted",
    labelNames: ["kind"],
    registers,
  }),
  settled: new Counter({
    name: "switchyard_jobs_settled_total",
    help: "Jobs settled, by outcome",
    labelNames: ["kind", "state"],
    registers,
  }),
  parked: new Counter({
    name: "switchyard_jobs_parked_total",
    help: "Claims that waited for a lock",
    labelNames: ["kind"],
    registers,
  }),
  sandboxStarts: new Counter({
    name: "switchyard_sandbox_starts_total",
    help: "Sandbox processes started",
    labelNames: ["level"],
    registers,
  }),
  sandboxKills: new Counter({
    name: "switchyard_sandbox_kills_total",
    help: "Sandbox processes killed, by reason",
    labelNames: ["reason"],
    registers,
  }),
  refused: new Counter({
    name: "switchyard_calls_refused_total",
    help: "Driver calls that a transport refused",
    labelNames: ["code"],
    registers,
  }),
  cache: new Counter({
    name: "switchyard_inventory_reads_total",
    help: "Inventory reads, by state of the cache",
    labelNames: ["state"],
    registers,
  }),
  requests: new Counter({
    name: "switchyard_http_requests_total",
    help: "HTTP requests",
    labelNames: ["method", "route", "status"],
    registers,
  }),
});

const shapes = (registers: Registry[]) => ({
  wait: new Histogram({
    name: "switchyard_job_wait_seconds",
    help: "From admission to the first claim",
    labelNames: ["kind"],
    buckets: seconds,
    registers,
  }),
  run: new Histogram({
    name: "switchyard_job_run_seconds",
    help: "From the first claim to settlement",
    labelNames: ["kind"],
    buckets: seconds,
    registers,
  }),
  depth: new Gauge({
    name: "switchyard_queue_jobs",
    help: "Jobs on the queue",
    labelNames: ["queue", "state"],
    registers,
  }),
  watchers: new Gauge({ name: "switchyard_watchers", help: "Open event streams", registers }),
});

export const createMetrics = (): Metrics => {
  const registry = new Registry();
  const count = counters([registry]);
  const shape = shapes([registry]);
  return {
    contentType: registry.contentType,
    jobAdmitted: (kind) => count.admitted.inc({ kind }),
    jobSettled: (kind, state, runSeconds) => {
      count.settled.inc({ kind, state });
      shape.run.observe({ kind }, runSeconds);
    },
    jobStarted: (kind, waitedSeconds) => shape.wait.observe({ kind }, waitedSeconds),
    jobParked: (kind) => count.parked.inc({ kind }),
    sandboxStarted: (level) => count.sandboxStarts.inc({ level }),
    sandboxKilled: (reason) => count.sandboxKills.inc({ reason }),
    callRefused: (code) => count.refused.inc({ code }),
    cacheRead: (state) => count.cache.inc({ state }),
    request: (method, route, status) => count.requests.inc({ method, route, status: String(status) }),
    queueDepth: (queue, state, value) => shape.depth.set({ queue, state }, value),
    watchers: (value) => shape.watchers.set(value),
    snapshot: async () => JSON.stringify(await registry.getMetricsAsJSON()),
    text: async (others = []) => {
      const parts = [await registry.getMetricsAsJSON(), ...others.map((other) => JSON.parse(other) as object)];
      return AggregatorRegistry.aggregate(parts).metrics();
    },
  };
};
