/** Finds out at start how well this machine can wall a sandbox in, by trying it. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:net";
import type { SandboxLevel } from "../model/integration-type.ts";
import { behindWalls, bubblewrapOptions, type Command, findWalls, type Walls } from "./limits.ts";

export interface SandboxProbe {
  readonly level: SandboxLevel;
  /** One sentence: why it is not `full`, or what `full` rests on. */
  readonly reason: string;
  /** The same walls around another program, with Node and its libraries in view and nothing else. */
  wrap(file: string, args: readonly string[]): readonly [string, readonly string[]];
}

const patienceMs = 10_000;

/** Runs without Node's own permissions, so that what stops it are the namespaces alone. */
const trial = `
const fs = require("node:fs"), net = require("node:net");
const seen = ["/etc/passwd", "/proc/self/environ", process.argv[2]].filter((path) => fs.existsSync(path));
if (seen.length > 0) { console.log("sees " + seen.join(" ")); process.exit(0); }
if (process.pid !== 1) { console.log("shares the process table"); process.exit(0); }
const socket = net.connect(Number(process.argv[1]), "127.0.0.1");
socket.on("connect", () => { console.log("reaches the network"); process.exit(0); });
socket.on("error", () => { console.log("walled"); process.exit(0); });
`;

const listen = (): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });

const run = ({ file, args }: Command): Promise<string> =>
  new Promise((resolve) => {
    execFile(file, [...args], { env: {}, timeout: patienceMs, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const said = stdout.trim() || stderr.trim().split("\n", 1)[0];
      resolve(said || (error === null ? "said nothing" : "could not be started"));
    });
  });

const walledNode = (walls: Walls, nodePath: string, args: readonly string[]): Command =>
  behindWalls(walls, bubblewrapOptions([[nodePath, "/node"]]), { file: "/node", args });

/** What a child behind the walls of level `full` says: "walled", or what is wrong with them. */
const tryFull = async (walls: Walls, nodePath: string): Promise<string> => {
  const server = await listen();
  try {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return await run(walledNode(walls, nodePath, ["-e", trial, String(port), nodePath]));
  } finally {
    server.close();
  }
};

const degradedReason = (cause: string, { uid, setpriv, prlimit }: Walls): string => {
  const has = [
    "Node's permission model",
    ...(uid === null ? [] : ["another user"]),
    ...(setpriv === null ? [] : ["a parent-death signal"]),
    ...(prlimit === null ? [] : ["resource limits"]),
  ];
  return `${cause}; sandboxes rest on ${has.join(", ")}.`;
};

const probeOf = (walls: Walls, reason: string, nodePath: string): SandboxProbe => ({
  level: walls.level,
  reason,
  wrap: (file, args) => {
    const wrapped = behindWalls(walls, bubblewrapOptions([[nodePath, nodePath]]), { file, args });
    return [wrapped.file, wrapped.args];
  },
});

/** Starts a child behind all namespaces and believes only what it says. */
export const probeSandbox = async ({ nodePath }: { readonly nodePath: string }): Promise<SandboxProbe> => {
  const full = findWalls("full", [nodePath]);
  const said = full.bwrap === null ? "bubblewrap is not installed" : await tryFull(full, nodePath);
  if (said === "walled") return probeOf(full, "All namespaces, by bubblewrap.", nodePath);
  const cause = full.bwrap === null ? said : `bubblewrap does not work here (${said.slice(0, 200)})`;
  const degraded = findWalls("degraded", [nodePath]);
  return probeOf(degraded, degradedReason(cause, degraded), nodePath);
};
