/** The one door to prom-client: what is counted, and its text. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is true of the whole system and not of one process. */
export interface SystemFacts {
  readonly redis: boolean;
  readonly store: boolean;
  readonly workers: number;
  /** Jobs by queue and state; absent when it cannot be asked. */
  readonly queues?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The figures of one process. `text()` is the Prometheus exposition. */
export interface Metrics {
  readonly contentType: string;
  jobAdmitted(kind: string): void;
  /** `runSeconds` is null for a job that never ran. */
  jobSettled(kind: string, state: string, runSeconds: number | null): void;
  jobStarted(kind: string, waitedSeconds: number): void;
  jobRetried(kind: string): void;
  jobParked(kind: string): void;
  /** A job that stood in the lines of its locks has them now. */
  lockWaited(kind: string, seconds: number): void;
  sandboxStarted(level: string): void;
  sandboxKilled(reason: string): void;
  sandboxes(count: { readonly processes: number; readonly busy: number }): void;
  callRefused(code: string): void;
  /** One question of a driver to the transports. */
  deviceAsked(transport: string, outcome: "ok" | "failed", seconds: number): void;
  cacheRead(state: string): void;
  request(asked: { readonly method: string; readonly route: string; readonly status: number }, seconds: number): void;
  /** From the making of an event to its arrival where the watchers are. */
  eventLag(seconds: number): void;
  scheduleLate(kind: string, seconds: number): void;
  watchers(count: number): void;
  /** Set right before the text is asked for; never part of a snapshot. */
  system(facts: SystemFacts): void;
  /** The figures as text, for another process to show: JSON, deflated, as it is a hundred kilobytes of repetition. */
  snapshot(): Promise<string>;
  /** The exposition of this process and of others, by their snapshots; equal series are summed. */
  text(others?: readonly string[]): Promise<string>;
}

export interface MetricsOptions {
  /** Stands as `process` on each series: a process that ends takes its counters along, and no sum ever falls. */
  readonly process?: string;
  readonly version?: string;
  /**
   * Outcomes that this process may come to count. They show as 0 from the start, since a counter that appears with its
   * first count looks to Prometheus as if it had never risen.
   */
  readonly outcomes?: {
    readonly kinds: readonly string[];
    readonly states: readonly string[];
    readonly kills: readonly string[];
    readonly refusals: readonly string[];
  };
}

const quick = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];
const seconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300];

const makers = (registers: Registry[]) => ({
  counter: (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `switchyard_${name}`, help, labelNames, registers }),
  gauge: (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `switchyard_${name}`, help, labelNames, registers }),
  /** `seconds` for work, `quick` for what a person waits for. */
  shape: (buckets: number[], name: string, help: string, ...labelNames: string[]) =>
    new Histogram({ name: `switchyard_${name}`, help, labelNames, buckets, registers }),
});

const counters = (registry: Registry) => {
  const { counter } = makers([registry]);
  return {
    admitted: counter("jobs_admitted_total", "Jobs accepted", "kind"),
    settled: counter("jobs_settled_total", "Jobs settled, by outcome", "kind", "state"),
    retried: counter("jobs_retried_total", "Attempts that failed and are tried again", "kind"),
    parked: counter("jobs_parked_total", "Jobs that had to wait for a lock", "kind"),
    sandboxStarts: counter("sandbox_starts_total", "Sandbox processes started, by level", "level"),
    sandboxKills: counter("sandbox_kills_total", "Sandbox processes killed, by reason", "reason"),
    refused: counter("calls_refused_total", "Driver calls that broke a rule of the transports, by code", "code"),
    cache: counter("inventory_reads_total", "Inventory reads, by state of the cache: fresh, stale or empty", "state"),
    requests: counter("http_requests_total", "HTTP requests answered", "method", "route", "status"),
  };
};

const shapes = (registry: Registry) => {
  const { shape } = makers([registry]);
  return {
    wait: shape(seconds, "job_wait_seconds", "From admission to the first claim", "kind"),
    run: shape(seconds, "job_run_seconds", "From the first claim to settlement", "kind"),
    lockWait: shape(
      seconds,
      "lock_wait_seconds",
      "From the first look for locks that were taken to having them",
      "kind",
    ),
    device: shape(
      quick,
      "device_request_seconds",
      "Requests of drivers through the transports, as long as the driver waits",
      ...["transport", "outcome"],
    ),
    http: shape(quick, "http_request_seconds", "From an HTTP request to its answer's head", "method", "route"),
    eventLag: shape(quick, "event_lag_seconds", "From the making of an event to its arrival at the API"),
    late: shape(seconds, "schedule_lateness_seconds", "From when scheduled work was due to its admission", "kind"),
  };
};

const gauges = (registry: Registry) => {
  const { gauge } = makers([registry]);
  return {
    sandboxes: gauge("sandboxes", "Sandbox processes now, busy and idle", "state"),
    watchers: gauge("watchers", "Open event streams"),
    memory: gauge("process_resident_memory_bytes", "Resident memory of the process"),
    cpu: gauge("process_cpu_seconds", "CPU time that the process used since it began"),
    busy: gauge("event_loop_busy_seconds", "Time that the process's event loop was busy since it began"),
    build: gauge("build_info", "1, with the version as label", "version"),
  };
};

const systemGauges = (registry: Registry) => {
  const { gauge } = makers([registry]);
  return {
    depth: gauge(
      "queue_jobs",
      "Jobs to be done: waiting, active or delayed on their queue, or locked: in the line of a lock",
      "queue",
      "state",
    ),
    workers: gauge("workers", "Workers whose lease holds"),
    redis: gauge("redis_up", "Whether Redis answers the API"),
    store: gauge("store_up", "Whether the store answers the API"),
  };
};

type Counters = ReturnType<typeof counters>;
type Gauges = ReturnType<typeof gauges>;
type SystemGauges = ReturnType<typeof systemGauges>;

const beginAtZero = (
  count: Counters,
  { kinds, states, kills, refusals }: NonNullable<MetricsOptions["outcomes"]>,
): void => {
  for (const kind of kinds) for (const state of states) count.settled.inc({ kind, state }, 0);
  for (const kind of kinds) count.retried.inc({ kind }, 0);
  for (const reason of kills) count.sandboxKills.inc({ reason }, 0);
  for (const code of refusals) count.refused.inc({ code }, 0);
};

const lookAtSelf = (gauge: Gauges): void => {
  const { user, system } = process.cpuUsage();
  gauge.memory.set(process.memoryUsage.rss());
  gauge.cpu.set((user + system) / 1e6);
  gauge.busy.set(performance.eventLoopUtilization().active / 1000);
};

const setSystem = (gauge: SystemGauges, { redis, store, workers, queues = {} }: SystemFacts): void => {
  gauge.redis.set(redis ? 1 : 0);
  gauge.store.set(store ? 1 : 0);
  gauge.workers.set(workers);
  gauge.depth.reset();
  for (const [queue, states] of Object.entries(queues)) {
    for (const [state, count] of Object.entries(states)) gauge.depth.set({ queue, state }, count);
  }
};

/** What jobs, sandboxes and drivers do. */
const workFigures = (count: Counters, shape: ReturnType<typeof shapes>, gauge: Gauges) =>
  ({
    jobAdmitted: (kind) => count.admitted.inc({ kind }),
    jobSettled: (kind, state, runSeconds) => {
      count.settled.inc({ kind, state });
      if (runSeconds !== null) shape.run.observe({ kind }, runSeconds);
    },
    jobStarted: (kind, waitedSeconds) => shape.wait.observe({ kind }, waitedSeconds),
    jobRetried: (kind) => count.retried.inc({ kind }),
    jobParked: (kind) => count.parked.inc({ kind }),
    lockWaited: (kind, waitedSeconds) => shape.lockWait.observe({ kind }, waitedSeconds),
    sandboxStarted: (level) => count.sandboxStarts.inc({ level }),
    sandboxKilled: (reason) => count.sandboxKills.inc({ reason }),
    sandboxes: ({ processes, busy }) => {
      gauge.sandboxes.set({ state: "busy" }, busy);
      gauge.sandboxes.set({ state: "idle" }, processes - busy);
    },
    callRefused: (code) => count.refused.inc({ code }),
    deviceAsked: (transport, outcome, took) => shape.device.observe({ transport, outcome }, took),
    scheduleLate: (kind, lateSeconds) => shape.late.observe({ kind }, lateSeconds),
  }) satisfies Partial<Metrics>;

/** A process of another version may write its figures in another way: then they are missing, and all others are there. */
const readSnapshot = (text: string): object[] => {
  try {
    return [JSON.parse(inflateRawSync(Buffer.from(text, "base64")).toString()) as object];
  } catch {
    return [];
  }
};

export const createMetrics = ({ process: name, version, outcomes }: MetricsOptions = {}): Metrics => {
  const registry = new Registry();
  const system = new Registry();
  if (name !== undefined) registry.setDefaultLabels({ process: name });
  const [count, shape, gauge] = [counters(registry), shapes(registry), gauges(registry)];
  const ofSystem = systemGauges(system);
  if (version !== undefined) gauge.build.set({ version }, 1);
  if (outcomes !== undefined) beginAtZero(count, outcomes);
  const own = (): Promise<object[]> => {
    lookAtSelf(gauge);
    return registry.getMetricsAsJSON();
  };
  return {
    contentType: registry.contentType,
    ...workFigures(count, shape, gauge),
    cacheRead: (state) => count.cache.inc({ state }),
    request: ({ method, route, status }, took) => {
      count.requests.inc({ method, route, status: String(status) });
      shape.http.observe({ method, route }, took);
    },
    eventLag: (lag) => shape.eventLag.observe(Math.max(0, lag)),
    watchers: (value) => gauge.watchers.set(value),
    system: (facts) => setSystem(ofSystem, facts),
    snapshot: async () => deflateRawSync(JSON.stringify(await own()), { level: 1 }).toString("base64"),
    text: async (others = []) => {
      const parts = [await own(), ...others.flatMap(readSnapshot)];
      const ofAll = await AggregatorRegistry.aggregate(parts).metrics();
      return `${ofAll}${await system.metrics()}`;
    },
  };
};
