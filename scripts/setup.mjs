/** Makes a fresh checkout runnable: packages by the lock file, and a Redis server. Any Node >= 20 runs this. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, lstatSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pinnedNode, root } from "./platform.mjs";

const say = (line) => process.stderr.write(`setup: ${line}\n`);
const fail = (line) => {
  say(line);
  process.exit(1);
};

const modified = (path) => {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
};

/** Installing empties the folder first: through a link that would be the folder of another checkout. */
const isLink = (path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

const onPath = (program) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const run = (program, args, env = {}) =>
  spawnSync(program, args, { cwd: root, stdio: ["ignore", 2, 2], env: { ...process.env, ...env } }).status === 0;

const installPackages = () => {
  const isCurrent = modified(`${root}package-lock.json`) <= modified(`${root}node_modules/.package-lock.json`);
  if (isCurrent && pinnedNode()) return;
  if (isLink(`${root}node_modules`)) {
    if (pinnedNode()) return say("node_modules is a link: its packages are taken as they are");
    fail("node_modules is a link to a folder without the packages: run npm ci where it points, or remove the link");
  }
  say("installing packages (npm ci)");
  if (!run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))
    fail("npm ci failed; see above");
  if (!pinnedNode())
    fail(`no pinned Node for ${process.platform}-${process.arch}; supported: linux and macOS on x64 and arm64`);
};

const isRoot = process.getuid?.() === 0;
/** `sudo -n` asks for no password: it works or it fails at once. */
const asRoot = (program, args) =>
  isRoot
    ? run(program, args, { DEBIAN_FRONTEND: "noninteractive" })
    : onPath("sudo") && run("sudo", ["-n", "env", "DEBIAN_FRONTEND=noninteractive", program, ...args]);

const installers = [
  {
    program: "apt-get",
    install: (name) => asRoot("apt-get", ["update", "-qq"]) && asRoot("apt-get", ["install", "-y", "-qq", name]),
    names: { redis: "redis-server", bubblewrap: "bubblewrap" },
  },
  {
    program: "dnf",
    install: (name) => asRoot("dnf", ["install", "-y", "-q", name]),
    names: { redis: "redis", bubblewrap: "bubblewrap" },
  },
  { program: "brew", install: (name) => run("brew", ["install", "-q", name]), names: { redis: "redis" } },
];

const installProgram = (what) => {
  const installer = installers.find(({ program, names }) => onPath(program) && names[what]);
  if (!installer) return false;
  say(`installing ${installer.names[what]} (${installer.program})`);
  return installer.install(installer.names[what]);
};

const hasRedis = () => onPath("redis-server") || onPath("valkey-server");
const needRedis = () => {
  if (process.env.REDIS_URL || hasRedis()) return;
  installProgram("redis");
  if (!hasRedis()) fail("no redis-server or valkey-server on PATH: install one, or set REDIS_URL");
};

/** Bubblewrap only makes the sandbox stronger: without it the level is `degraded`, so a refusal is no failure. */
const wishBubblewrap = () => {
  if (process.platform !== "linux" || onPath("bwrap")) return;
  if (installProgram("bubblewrap")) return;
  say("bubblewrap is not to be had: packs run in a `degraded` sandbox");
};

installPackages();
needRedis();
wishBubblewrap();
