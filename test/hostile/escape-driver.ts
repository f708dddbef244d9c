/** The source of a driver that tries every way out it knows; each attempt answers "got out: ..." or what stopped it. */

/** Names of the attempts, by what they are after. */
export const attempts = {
  files: [
    "readFile",
    "readFileAsync",
    "openFile",
    "createReadStream",
    "statFile",
    "listFolder",
    "openAsBlob",
    "copyFile",
    "linkIn",
    "symlinkIn",
    "importFile",
    "requireFile",
    "loadEnvFile",
    "sqliteFile",
    "sqliteAttach",
    "watchFile",
    "globFiles",
    "climbOut",
    "readDescriptors",
    "tlsCaFile",
    "heapSnapshot",
    "report",
    "writeOwnFolder",
    "writeTemporary",
    "writeSdk",
    "compileCache",
    "coverage",
  ],
  network: [
    "tcp",
    "unixSocket",
    "http",
    "https",
    "http2",
    "tls",
    "fetchApi",
    "webSocket",
    "eventSource",
    "udp",
    "lookup",
    "resolve",
    "resolvePromise",
    "listenTcp",
    "listenUnix",
    "inspector",
    "adoptDescriptors",
    "quic",
  ],
  processes: [
    "spawn",
    "exec",
    "fork",
    "execFileSync",
    "execve",
    "cluster",
    "worker",
    "addon",
    "dlopen",
    "binding",
    "linkedBinding",
    "ffi",
    "wasi",
    "builtinChild",
    "killParent",
    "killGroup",
    "debugParent",
    "priority",
    "regainBinding",
    "setuid",
    "flagsFromString",
  ],
} as const;

export const escapeDriver = `
import { Driver } from "switchyard/sdk";
import fs from "node:fs";
import module from "node:module";
const require = module.createRequire(import.meta.url);
const first = (emitter, good) => new Promise((resolve, reject) => {
  emitter.on(good, (value) => resolve("event " + good + " " + String(value).slice(0, 40)));
  emitter.on("error", (event) => reject(event?.error ?? (event instanceof Error ? event : new Error(String(event?.message ?? event)))));
});
const tries = {
  readFile: ({ file }) => fs.readFileSync(file, "utf8"),
  readFileAsync: ({ file }) => fs.promises.readFile(file, "utf8"),
  openFile: ({ file }) => "descriptor " + fs.openSync(file, "r"),
  createReadStream: ({ file }) => first(fs.createReadStream(file), "data"),
  statFile: ({ file }) => "size " + fs.statSync(file).size,
  listFolder: ({ folder }) => fs.readdirSync(folder).join(),
  openAsBlob: async ({ file }) => (await fs.openAsBlob(file)).text(),
  copyFile: ({ file, own }) => fs.copyFileSync(file, own + "/copy"),
  linkIn: ({ file, own }) => { fs.linkSync(file, own + "/link"); return fs.readFileSync(own + "/link", "utf8"); },
  symlinkIn: ({ file, own }) => { fs.symlinkSync(file, own + "/link"); return fs.readFileSync(own + "/link", "utf8"); },
  importFile: async ({ file }) => JSON.stringify(await import("file://" + file, { with: { type: "text" } })),
  requireFile: ({ script }) => require(script),
  loadEnvFile: ({ file }) => { process.loadEnvFile(file); return JSON.stringify(process.env); },
  sqliteFile: ({ database }) => { const { DatabaseSync } = require("node:sqlite"); return JSON.stringify(new DatabaseSync(database, { readOnly: true }).prepare("select * from secrets").all()); },
  sqliteAttach: ({ database }) => { const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(":memory:"); db.exec("attach database '" + database + "' as other"); return JSON.stringify(db.prepare("select * from other.secrets").all()); },
  watchFile: ({ file }) => { fs.watch(file); return "watching"; },
  globFiles: ({ folder }) => { const found = fs.globSync(folder + "/*"); if (found.length === 0) throw new Error("nothing found"); return found.join(); },
  climbOut: ({ file, own }) => fs.readFileSync(own + "/" + "../".repeat(20) + file, "utf8"),
  readDescriptors: () => { const got = []; for (let fd = 4; fd < 64; fd += 1) { try { const s = fs.fstatSync(fd); if (s.isFile() || s.isDirectory()) got.push(fd); } catch {} } if (got.length === 0) throw new Error("none"); return got.join(); },
  tlsCaFile: ({ file }) => { process.env.NODE_EXTRA_CA_CERTS = file; const a = require("node:tls").getCACertificates("extra"); if (a.length === 0) throw new Error("none"); return a.join(); },
  heapSnapshot: ({ own }) => require("node:v8").writeHeapSnapshot(own + "/heap"),
  report: ({ own }) => process.report.writeReport(own + "/report.json"),
  writeOwnFolder: ({ own }) => fs.writeFileSync(own + "/new.js", "x"),
  writeTemporary: () => fs.writeFileSync("/tmp/switchyard-hostile-canary", "x"),
  writeSdk: ({ sdk }) => fs.appendFileSync(sdk, "x"),
  compileCache: () => { const r = module.enableCompileCache("/tmp/switchyard-hostile-cache"); if (r.status !== 1) throw new Error(String(r.message)); return JSON.stringify(r); },
  coverage: () => { require("node:v8").takeCoverage(); throw new Error("nothing written"); },

  tcp: ({ port }) => first(require("node:net").connect(port, "127.0.0.1"), "connect"),
  unixSocket: ({ socket }) => first(require("node:net").connect(socket), "connect"),
  http: ({ port }) => first(require("node:http").get({ port, host: "127.0.0.1" }), "response"),
  https: ({ port }) => first(require("node:https").get({ port, host: "127.0.0.1" }), "socket").then(() => first(require("node:https").get({ port, host: "127.0.0.1" }), "response")),
  http2: ({ port }) => first(require("node:http2").connect("http://127.0.0.1:" + port), "connect"),
  tls: ({ port }) => first(require("node:tls").connect(port, "127.0.0.1"), "connect"),
  fetchApi: async ({ port }) => { try { return "status " + (await fetch("http://127.0.0.1:" + port)).status; } catch (error) { throw error.cause ?? error; } },
  webSocket: ({ port }) => new Promise((resolve, reject) => { const s = new WebSocket("ws://127.0.0.1:" + port); s.onopen = () => resolve("open"); s.onerror = (e) => reject(e.error ?? new Error("failed")); }),
  eventSource: ({ port }) => new Promise((resolve, reject) => { const s = new EventSource("http://127.0.0.1:" + port); s.onopen = () => resolve("open"); s.onerror = (e) => reject(e.error ?? new Error("failed")); }),
  udp: ({ udpPort }) => new Promise((resolve, reject) => { const s = require("node:dgram").createSocket("udp4"); s.on("error", reject); s.send("escaped", udpPort, "127.0.0.1", (error) => error ? reject(error) : resolve("sent")); }),
  lookup: () => new Promise((resolve, reject) => require("node:dns").lookup("localhost.localdomain", (error, address) => error ? reject(error) : resolve(address))),
  resolve: ({ udpPort }) => new Promise((resolve, reject) => { const dns = require("node:dns"); const r = new dns.Resolver({ timeout: 300, tries: 1 }); r.setServers(["127.0.0.1:" + udpPort]); r.resolve4("canary.example", (error, a) => error ? reject(error) : resolve(String(a))); }),
  resolvePromise: ({ udpPort }) => { const dns = require("node:dns").promises; const r = new dns.Resolver({ timeout: 300, tries: 1 }); r.setServers(["127.0.0.1:" + udpPort]); return r.resolve4("canary.example"); },
  listenTcp: () => first(require("node:net").createServer().listen(0, "127.0.0.1"), "listening"),
  listenUnix: () => first(require("node:net").createServer().listen("/tmp/switchyard-hostile.sock"), "listening"),
  inspector: () => { require("node:inspector").open(0, "127.0.0.1"); return "open " + require("node:inspector").url(); },
  adoptDescriptors: () => { const got = []; const net = require("node:net"); for (let fd = 4; fd < 64; fd += 1) { try { if (fs.fstatSync(fd).isSocket()) { new net.Socket({ fd }); got.push(fd); } } catch {} } if (got.length === 0) throw new Error("none"); return got.join(); },
  quic: async ({ udpPort }) => { const q = process.getBuiltinModule("node:quic") ?? require("node:quic"); const s = await q.connect("127.0.0.1:" + udpPort, { alpn: "x" }); await s.opened; return "open"; },

  spawn: () => first(require("node:child_process").spawn("/bin/true"), "exit"),
  exec: () => new Promise((resolve, reject) => require("node:child_process").exec("id", (e, out) => e ? reject(e) : resolve(out))),
  fork: ({ script }) => first(require("node:child_process").fork(script), "exit"),
  execFileSync: () => String(require("node:child_process").execFileSync("/usr/bin/id")),
  execve: () => { if (!process.execve) throw new Error("absent"); process.execve("/bin/sh", ["sh", "-c", "sleep 1"], {}); },
  cluster: ({ script }) => { const c = require("node:cluster"); c.setupPrimary({ exec: script }); return first(c.fork(), "online"); },
  worker: () => first(new (require("node:worker_threads").Worker)("require('fs').readFileSync('/etc/passwd')", { eval: true }), "online"),
  addon: ({ addon }) => { require(addon); return "loaded"; },
  dlopen: ({ addon }) => { process.dlopen({ exports: {} }, addon); return "loaded"; },
  binding: () => Object.keys(process.binding("spawn_sync")).join(),
  linkedBinding: () => Object.keys(process._linkedBinding("spawn_sync")).join(),
  ffi: () => { const ffi = process.getBuiltinModule("node:ffi") ?? require("node:ffi"); return String(Object.keys(ffi.dlopen("libc.so.6", {}))); },
  wasi: () => { const { WASI } = require("node:wasi"); new WASI({ version: "preview1", preopens: { "/": "/" } }); return "made"; },
  builtinChild: () => String(process.getBuiltinModule("child_process").execSync("id")),
  killParent: ({ parent }) => { process.kill(parent, 0); return "signalled"; },
  killGroup: () => { process.kill(0, 0); return "signalled"; },
  debugParent: ({ parent }) => { process._debugProcess(parent); return "attached"; },
  priority: ({ parent }) => { require("node:os").setPriority(parent, 19); return "set"; },
  regainBinding: () => { const p = Object.getPrototypeOf(process); const f = p.binding ?? process.constructor?.prototype?.binding; return String(Object.keys(f.call(process, "spawn_sync"))); },
  setuid: () => { process.setuid(0); if (process.getuid() !== 0) throw new Error("no effect"); fs.readFileSync("/etc/shadow"); return "root"; },
  flagsFromString: () => { require("node:v8").setFlagsFromString("--allow-natives-syntax"); fs.readFileSync("/etc/passwd"); return "read"; },
};
export class D extends Driver {
  async attempt({ name, facts }) {
    try {
      const got = await Promise.race([tries[name](facts), new Promise((_, reject) => setTimeout(reject, 3000, new Error("no answer")))]);
      return { out: true, said: String(got).slice(0, 200) };
    } catch (error) {
      return { out: false, said: String(error?.code ?? error?.message ?? error).slice(0, 200) };
    }
  }
  async surroundings() {
    return {
      env: { ...process.env }, argv: process.argv.slice(1), execArgv: process.execArgv, title: process.title,
      uid: process.getuid(), pid: process.pid, globals: Object.keys(globalThis).length,
    };
  }
}
`;
