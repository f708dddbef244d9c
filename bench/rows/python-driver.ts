/** Drivers in Python: one call with two http requests against the same requests of httpx, and a start against a bare one. */
import { execFile, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { findInterpreter } from "../../src/packs/interpreter.ts";
import { readPack } from "../../src/recording/pack.ts";
import { openRealSession } from "../../src/recording/session.ts";
import { callDriver, openStage, type Stage } from "../../src/recording/stage.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, median, quantile } from "../kit/statistics.ts";

const manifest = {
  ...{ id: "bench.python", name: "Python", version: "1.0.0", min_core_version: "0.10.0", category: "compute" },
  driver: { entrypoint: "driver:Bench" },
  schema: {
    connection: {
      type: "object",
      required: ["host", "port"],
      properties: { host: { type: "string" }, port: { type: "integer" } },
    },
  },
  transports: { http: { url: "http://{host}:{port}" } },
  capabilities: [{ id: "bench.http", verbs: ["get"], targets: ["vm"] }],
};

const driver = `class Bench:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def test_connection(self):
        return {"status": "connected"}

    async def bench_http(self, verb, target):
        http = await self.transports.get("http")
        first = await http.call({"method": "GET", "path": "/small"})
        second = await http.call({"method": "GET", "path": "/small"})
        return [first["status"], second["data"]["ok"]]
`;

/** Told how often by a line, it answers with the milliseconds of each pair of requests over one warm connection. */
const direct = `import httpx, json, sys, time
client = httpx.Client(base_url=sys.argv[1])
for line in sys.stdin:
    samples = []
    for _ in range(int(line)):
        began = time.perf_counter()
        first = client.get("/small")
        second = client.get("/small")
        [first.status_code, second.json()["ok"]]
        samples.append((time.perf_counter() - began) * 1000)
    print(json.dumps(samples), flush=True)
`;

const python = (): string => {
  const found = findInterpreter();
  if (found === undefined) throw new Error("there is no python3 here");
  return found.path;
};

const startDirect = (port: number) => {
  const child = spawn(python(), ["-c", direct, `http://127.0.0.1:${port}`], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    run: async (count: number): Promise<number[]> => {
      child.stdin.write(`${count}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error("httpx did not answer: is python3-httpx installed?");
      return JSON.parse(value) as number[];
    },
    end: () => void child.stdin.end(),
  };
};

const writePack = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "bench-python-"));
  writeFileSync(join(folder, "plugin.yaml"), stringify(manifest));
  writeFileSync(join(folder, "driver.py"), driver);
  return folder;
};

type Call = (stage: Stage) => Promise<unknown>;

const callOf = async (folder: string, port: number) => {
  const pack = await readPack(folder);
  const config = { host: "127.0.0.1", port };
  const open = openRealSession({ manifest: pack.manifest, config, secrets: [], now: () => performance.now() });
  const { signal } = new AbortController();
  const grant = {
    ...({ mode: "read", steps: [], signal, graceMs: 1_000, debug: false } as const),
    journal: { earlier: [], sent: async () => undefined, answered: async () => undefined },
    ...{ fence: () => undefined, record: () => undefined },
  };
  const ask = (method: string, args: object): Call => {
    const asked = { pack, session: open.session, config, method, args: args as never, signal };
    return (stage) => callDriver(stage, { ...asked, door: open.session.door(grant) });
  };
  return {
    two: ask("bench_http", { verb: "get", target: { type: "vm", id: "1", external_id: "1" }, dryRun: false }),
    first: ask("test_connection", {}),
    close: open.close,
  };
};

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

const warmRow = async (port: number, rounds: number, count: number): Promise<Row> => {
  const folder = writePack();
  const stage = await openStage({ now: () => performance.now() });
  const call = await callOf(folder, port);
  const other = startDirect(port);
  const [ours, raw]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round <= rounds; round += 1) {
      raw.push(quantile(await other.run(count), 0.5));
      const samples: number[] = [];
      for (let index = 0; index < count; index += 1) samples.push(await timed(() => call.two(stage)));
      ours.push(quantile(samples, 0.5));
    }
  } finally {
    other.end();
    call.close();
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const [a, b] = [ours.slice(1), raw.slice(1)];
  // What else the machine does only adds, and more to the side that is two processes.
  const [best, bestRaw] = [Math.min(...a), Math.min(...b)];
  const note = `p50 of each round in ms, the best counts: ${listed(a)}; httpx ${listed(b)}`;
  return atMost({ name: "Python driver, call with two requests, against httpx", unit: "x", note }, best / bestRaw, 1.5);
};

/** What the host imports before it can answer. */
const importsOfHost = (): string =>
  readFileSync(new URL("../../src/sandbox/python/host.py", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => /^import /.test(line))
    .join("; ");

const coldRow = async (rounds: number): Promise<Row> => {
  const folder = writePack();
  const stage = await openStage({ now: () => performance.now() });
  const call = await callOf(folder, 1);
  const [ours, bare]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round <= rounds; round += 1) {
      bare.push(await timed(() => promisify(execFile)(python(), ["-c", `${importsOfHost()}; pass`])));
      stage.pool.endInstance("ins_authoring");
      ours.push(await timed(() => call.first(stage)));
    }
  } finally {
    call.close();
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const [a, b] = [ours.slice(1), bare.slice(1)];
  const note = `ms: ${listed(a, 0)}; bare ${listed(b, 0)}`;
  return atMost(
    { name: "Python driver, start to first answer, added", unit: "s", note },
    (median(a) - median(b)) / 1_000,
    0.5,
  );
};

export const pythonDriverRow: Measure = {
  name: "python-driver",
  run: async ({ size }): Promise<Row[]> => {
    const server = fork(new URL("../kit/device-server.ts", import.meta.url), { execArgv: ["--no-warnings"] });
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    try {
      return [await warmRow(port, size(7, 2), size(300, 50)), await coldRow(size(9, 3))];
    } finally {
      server.disconnect();
    }
  },
};
