/** The table of what a hostile pack tries in a real job, and the codes that name it there. */
import { attempts } from "./escape-driver.ts";

/** Things of a running system that a driver is told about, so that it need not guess. */
export interface Facts {
  readonly dataDir: string;
  readonly folder: string;
  readonly own: string;
  readonly sdk: string;
  readonly file: string;
  readonly database: string;
  readonly socket: string;
  readonly script: string;
  readonly addon: string;
  readonly otherPack: string;
  readonly port: number;
  readonly canaryPort: number;
  readonly udpPort: number;
  readonly devicePort: number;
  readonly parent: number;
}

export interface Attempt {
  /** What it is after. */
  readonly about: string;
  readonly name: string;
  /** Which part of the driver does it. */
  readonly from: "escape" | "wear" | "worst";
  readonly facts?: (facts: Facts) => Readonly<Record<string, unknown>>;
  /** The code of its job, or several where a race decides; the state when the job has none. */
  readonly codes: readonly string[];
  /** What the job's error says. */
  readonly says?: RegExp;
  /** What the device may see of it; nothing when it is absent. */
  readonly sent?: readonly string[];
  /** What a warning of its job says was refused. */
  readonly refused?: string;
}

const stopped = ["driver_failed", "sandbox_crashed"];
const stoppedAt = (about: string, name: string, facts?: Attempt["facts"]): Attempt => ({
  about,
  name,
  from: "escape",
  codes: stopped,
  ...(facts === undefined ? {} : { facts }),
});

/** The files that matter most, each by its real path. */
const files: readonly (readonly [string, (facts: Facts) => string])[] = [
  ["the master key", ({ dataDir }) => `${dataDir}/master.key`],
  ["the admin's token", ({ dataDir }) => `${dataDir}/admin.token`],
  ["the database", ({ database }) => database],
  ["the database's log", ({ database }) => `${database}-wal`],
  ["Redis' file", ({ dataDir }) => `${dataDir}/redis/appendonlydir/appendonly.aof.1.incr.aof`],
  ["another pack", ({ otherPack }) => otherPack],
  ["the users", () => "/etc/passwd"],
  ["the passwords", () => "/etc/shadow"],
  ["its own environment", () => "/proc/self/environ"],
  ["its own memory map", () => "/proc/self/maps"],
  ["the worker's environment", ({ parent }) => `/proc/${parent}/environ`],
  ["the worker's memory", ({ parent }) => `/proc/${parent}/mem`],
  ["the worker's arguments", ({ parent }) => `/proc/${parent}/cmdline`],
  ["the first process' root", () => "/proc/1/root/etc/passwd"],
  ["the kernel's messages", () => "/dev/kmsg"],
  ["a container's secrets", () => "/run/secrets/kubernetes.io/serviceaccount/token"],
];

const reads = files.map(([about, pathOf]) =>
  stoppedAt(`reads ${about}`, "readFile", (facts) => ({ file: pathOf(facts) })),
);

const everyWay: readonly Attempt[] = [...attempts.files, ...attempts.network, ...attempts.processes]
  .filter((name) => name !== "readFile")
  .map((name) => stoppedAt(`gets out: ${name}`, name));

/** Every network API that Node has, at the ports that matter. */
const contacts: readonly Attempt[] = [
  ...["tcp", "http", "https", "http2", "tls", "fetchApi", "webSocket", "eventSource"].map((name) =>
    stoppedAt(`reaches a canary by ${name}`, name, ({ canaryPort }) => ({ port: canaryPort })),
  ),
  stoppedAt("reaches the API", "tcp"),
  stoppedAt("reaches Redis", "unixSocket"),
  stoppedAt("reaches its device by itself", "tcp", ({ devicePort }) => ({ port: devicePort })),
];

const wear = (name: string, codes: readonly string[], says: RegExp): Attempt => ({
  about: `wears out: ${name}`,
  name,
  from: "wear",
  codes,
  says,
});

const worn: readonly Attempt[] = [
  wear("heap", ["sandbox_out_of_memory"], /512 MiB/),
  wear("strings", ["sandbox_out_of_memory"], /512 MiB/),
  wear("buffers", ["sandbox_out_of_memory"], /512 MiB/),
  wear("fourGigabytes", ["sandbox_out_of_memory"], /512 MiB/),
  wear("stack", ["driver_failed"], /call stack/),
  wear("aborts", ["sandbox_crashed"], /ended by itself/),
  wear("rejectsAside", ["driver_failed"], /aside/),
  wear("largeAnswer", ["response_invalid"], /24 MiB/),
  wear("largeQuestion", ["driver_failed"], /24 MiB/),
  wear("deepAnswer", ["response_invalid"], /100 levels/),
  wear("wideAnswer", ["response_invalid"], /1000000 values/),
  wear("wideQuestion", ["driver_failed"], /1000000 values/),
  wear("rawLength", ["driver_failed"], /2147483647 bytes/),
  wear("rawGarbage", ["driver_failed"], /not JSON/),
  wear("rawShape", ["driver_failed"], /unknown shape/),
  wear("rawKind", ["driver_failed"], /unknown shape/),
  wear("rawProto", ["response_invalid"], /__proto__/),
  wear("rawDeep", ["response_invalid"], /levels/),
  wear("rawWide", ["driver_failed"], /1000000 values/),
  wear("rawReadies", ["driver_failed"], /twice/),
  wear("rawStranger", ["driver_failed"], /does not work on/),
  ...["events", "printed", "bigEvents", "timersLeftBehind"].map((name) => wear(name, ["succeeded"], /^$/)),
];

const worst = (about: string, name: string, code: string, more: Partial<Attempt> = {}): Attempt => ({
  about,
  name,
  from: "worst",
  codes: [code],
  ...more,
});

const climbs = ["/../admin", "/%2e%2e/admin", "/%252e%252e/admin", "/..%2fadmin", "/..%5cadmin", "/..;/admin", "//x/y"];
const smuggled: readonly (readonly [string, string])[] = [
  ...([
    ["Host", "other.example"],
    ["Content-Length", "5"],
    ["Transfer-Encoding", "chunked"],
  ] as const),
  ...([
    ["Connection", "upgrade"],
    ["X-HTTP-Method-Override", "DELETE"],
    ["X-Original-URL", "/admin"],
  ] as const),
  ...([
    ["X-Forwarded-Host", "other.example"],
    ["x-note", "a\r\nX-Admin: yes"],
    ["authorization", "Basic eA=="],
  ] as const),
];
const spellings: readonly ((facts: Facts) => string)[] = [
  ({ canaryPort }) => `http://127.0.0.1:${canaryPort}/api/x`,
  ({ canaryPort }) => `http://0x7f000001:${canaryPort}/api/x`,
  ({ canaryPort }) => `http://2130706433:${canaryPort}/api/x`,
  ({ canaryPort }) => `http://[::ffff:127.0.0.1]:${canaryPort}/api/x`,
  ({ devicePort, canaryPort }) => `http://127.0.0.1:${devicePort}@127.0.0.1:${canaryPort}/api/x`,
  ({ port }) => `http://127.0.0.1:${port}/api/whoami`,
  () => "http://169.254.169.254/latest/meta-data",
  () => "file:///etc/passwd",
];

const doors: readonly Attempt[] = [
  ...climbs.map((path) => worst(`climbs by ${path}`, "path", "endpoint_not_allowed", { facts: () => ({ path }) })),
  ...spellings.map((url, index) =>
    worst(`asks for another address (${index + 1})`, "url", "endpoint_not_allowed", {
      facts: (facts) => ({ url: url(facts) }),
    }),
  ),
  ...smuggled.map(([name, value]) =>
    worst(`smuggles ${name}`, "header", "endpoint_not_allowed", { facts: () => ({ name, value }) }),
  ),
  worst("asks for another endpoint", "otherEndpoint", "endpoint_not_allowed"),
  ...["pathHandle", "queryHandle", "headerHandle", "bodyHandle", "bodyHandleInside", "foreignHandle", "template"].map(
    (name) => worst(`puts a handle where it may not stand: ${name}`, name, "handle_misplaced"),
  ),
  worst("writes while it reads", "writes", "read_only_violation"),
  worst("writes while it reads, and says nothing", "writesQuietly", "read_only_violation"),
  worst("overrides the method in a body", "overridden", "read_only_violation"),
  ...["constructor", "__proto__", "apply.call", "process.run"].map((op) =>
    worst(`asks for the operation ${op}`, "otherOperation", "driver_failed", { facts: () => ({ op }) }),
  ),
];

const lines: readonly Attempt[] = [
  worst("follows a redirect to elsewhere", "redirected", "endpoint_not_allowed", {
    facts: ({ canaryPort }) => ({ to: `http://127.0.0.1:${canaryPort}/api/x` }),
    sent: ["GET /api/redirect"],
  }),
  worst("is answered with a compressed bomb", "bomb", "response_too_large", { sent: ["GET /api/bomb"] }),
  worst("is answered without an end", "endless", "response_too_large", { sent: ["GET /api/endless"] }),
  worst("hands on a __proto__ of its device", "polluted", "response_invalid", { sent: ["GET /api/proto"] }),
  worst("sends a __proto__", "pollutedRequest", "driver_failed"),
  worst("answers with a getter", "getters", "response_invalid"),
  worst("answers with a cycle", "cycle", "response_invalid"),
  worst("answers with objects of classes", "classes", "response_invalid"),
  worst("tells what its device echoes", "echoed", "driver_failed", { sent: ["GET /api/echo"] }),
  worst("reads a handle back", "handleEchoed", "succeeded", { sent: ["POST /api/search"] }),
  worst("forges lines by control characters", "injects", "succeeded"),
  worst("links to a file at run time", "symlink", "driver_failed"),
  worst("hears the ids on its line", "remembers", "succeeded", { sent: ["GET /api/one"] }),
  worst("hears them in a second call", "remembersMore", "succeeded", { sent: ["GET /api/one"] }),
  worst("replays messages of the call before", "replays", "succeeded", {
    sent: ["GET /api/own"],
    refused: "another call",
  }),
  worst("guesses the ids of other calls", "guesses", "succeeded", {
    facts: () => ({ ids: ["", "0", "1", "undefined", "job_1", "AAAAAAAAAAAAAAAAAAAAAA"] }),
    sent: ["GET /api/own"],
    refused: "another call",
  }),
  worst("sends 100 MB at once", "hundredMegabytes", "driver_failed", { says: /104857600 bytes/ }),
  worst("asks a thousand questions at once", "thousandQuestions", "succeeded", { sent: ["GET /api/many"] }),
];

const never = ["neverEnds", "loops", "loopsInMicrotasks", "timers", "rawFlood"];
const broken = ["breaksBuiltins", "dropsListeners", "closesLine"];

/** What never ends by itself. */
export const endless: readonly Attempt[] = [
  ...[...never, ...broken].map((name) => wear(name, [], /./)),
  worst("matches a regular expression for ever", "regex", "job_cancelled"),
];

interface Apply {
  readonly about: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly code: string;
  /** What the device may see of it. */
  readonly sent: readonly string[];
}

const first = "POST /api/vms/1/go";
const referring = (about: string, [place, ref]: readonly [string, object], more: Partial<Apply> = {}): Apply => ({
  about: `a reference ${about}`,
  params: { refs: { [place]: { step: 0, match: ".*", ...ref } } },
  code: "plan_deviation",
  sent: [first],
  ...more,
});
const unlike = (about: string, request: object): Apply => ({
  about: `a step that differs in ${about}`,
  params: { steps: 1, sent: [request] },
  code: "plan_deviation",
  sent: [],
});
const path = "/vms/1/go";
const misshapen = { code: "driver_failed", sent: [] };
const good = { code: "succeeded", sent: [first, "POST /api/tasks/task-1"] };

/** Plans and what is sent instead of them; the device answers the first step with traps. */
export const applies: readonly Apply[] = [
  referring("carries a fine value on", ["/path/1", { at: "/fine", match: "^task-[0-9]+$" }], good),
  referring("climbs out of its segment", ["/path/1", { at: "/id" }]),
  referring("carries too long a text", ["/path/1", { at: "/long" }]),
  referring("carries a line end into a path", ["/path/1", { at: "/line" }]),
  referring("does not match", ["/json/id", { at: "/id", match: "^task-[0-9]+$" }]),
  referring("finds nothing", ["/json/id", { at: "/missing" }]),
  referring("stands in a header", ["/headers/x-note", { at: "/fine" }], misshapen),
  referring("looks ahead", ["/json/id", { at: "/fine", step: 5 }], misshapen),
  unlike("one byte of a value", { path, json: { speed: 2 } }),
  unlike("the type of a value", { path, json: { speed: "1" } }),
  unlike("one member more", { path, json: { speed: 1, force: true } }),
  unlike("one letter of its path", { path: "/vms/1/Go", json: { speed: 1 } }),
  unlike("a query", { path, json: { speed: 1 }, query: { force: "1" } }),
  unlike("a header", { path, json: { speed: 1 }, headers: { "x-force": "1" } }),
  unlike("its form", { path, text: '{"speed":1}', content_type: "application/json" }),
  { about: "nothing of it", params: { steps: 1, sent: [] }, code: "plan_incomplete", sent: [] },
  {
    about: "the same step twice",
    params: { steps: 1, sent: Array(2).fill({ path, json: { speed: 1 } }) },
    code: "plan_deviation",
    sent: [first],
  },
  {
    about: "its steps out of order",
    params: { sent: [{ path: "/tasks/x", json: { id: "x", note: "n" } }, { path }] },
    code: "plan_deviation",
    sent: [],
  },
];

/** Ways to write an address of this machine, or of what no instance may be. */
export const addresses: readonly string[] = [
  ...["127.0.0.1", "localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "::ffff:127.0.0.1"],
  ...["::ffff:7f00:1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1"],
];

export const table: readonly Attempt[] = [...reads, ...everyWay, ...contacts, ...doors, ...lines, ...worn];
