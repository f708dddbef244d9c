/** A private PostgreSQL for a test: on a socket in a folder of its own, gone when the test is. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";

export interface TestPostgres {
  /** Where it keeps its files. */
  readonly folder: string;
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** Ends it at once, as a crash would; its data stay. */
  kill(): Promise<void>;
  /** Ends it at once, as a crash would, and starts it again on its data. */
  restart(): Promise<void>;
  /** All that a database holds, as text. */
  dump(url: string): Buffer;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const installed = "/usr/lib/postgresql";

const findPrograms = (): string | undefined => {
  const versions = existsSync(installed) ? readdirSync(installed).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(installed, version, "bin"));
  const onPath = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, ...onPath].find((folder) =>
    ["initdb", "postgres", "pg_dump"].every((name) => existsSync(join(folder, name))),
  );
};

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
const findOwner = (): { uid: number; gid: number } | undefined => {
  const { uid, gid } = userInfo();
  if (uid !== 0) return { uid, gid };
  try {
    const idOf = (flag: string) =>
      Number(execFileSync("id", [flag, "postgres"], { stdio: ["ignore", "pipe", "ignore"] }));
    return { uid: idOf("-u"), gid: idOf("-g") };
  } catch {
    return undefined;
  }
};

const programs = findPrograms();
const owner = findOwner();

/** Why there is none; undefined when there is one. */
export const missingPostgres: string | undefined =
  programs === undefined
    ? "PostgreSQL is not installed (initdb and postgres); install postgresql"
    : owner === undefined
      ? "PostgreSQL does not run as root and there is no user postgres"
      : undefined;

/** How it is started; `port` is one on 127.0.0.1 beside the socket, 0: none. */
interface Start {
  readonly folder: string;
  readonly port: number;
  readonly as: { readonly uid: number; readonly gid: number };
}

const settings = ({ folder, port }: Start): string[] => [
  ...["-D", join(folder, "data"), "-k", folder],
  ...(port === 0 ? [] : ["-p", String(port)]),
  ...[`listen_addresses=${port === 0 ? "" : "127.0.0.1"}`, "fsync=off", "full_page_writes=off"].flatMap((one) => [
    "-c",
    one,
  ]),
  ...["max_connections=200", "shared_buffers=16MB", "logging_collector=off"].flatMap((one) => ["-c", one]),
];

const urlOf = ({ folder, port }: Omit<Start, "as">, database: string): string =>
  `postgres://postgres@localhost${port === 0 ? "" : `:${port}`}/${database}?host=${encodeURIComponent(folder)}`;

const query = async (url: string, sql: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

const isAnswering = (start: Start): Promise<boolean> =>
  query(urlOf(start, "postgres"), "select 1").then(
    () => true,
    () => false,
  );

const untilAnswering = async (child: ChildProcess, start: Start): Promise<void> => {
  for (let tries = 0; tries < 500 && child.exitCode === null; tries += 1) {
    if (await isAnswering(start)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  throw new Error(`Expected a PostgreSQL to answer in ${start.folder}, but it did not start.`);
};

const initialise = (bin: string, folder: string, as: { uid: number; gid: number }): void => {
  chownSync(folder, as.uid, as.gid);
  const options = ["-D", join(folder, "data"), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"];
  execFileSync(join(bin, "initdb"), options, { ...as, cwd: folder, stdio: "ignore" });
};

const launch = async (bin: string, start: Start): Promise<ChildProcess> => {
  const { folder, as } = start;
  const postgres = [join(bin, "postgres"), ...settings(start)];
  // A killed test runner must not leave servers behind; the guard comes after the change of user, which would undo it.
  const guard = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "QUIT"] : [];
  const [program = "", ...args] = [...guard, ...postgres];
  const child = spawn(program, args, { ...as, cwd: folder, stdio: "ignore" });
  await once(child, "spawn");
  await untilAnswering(child, start);
  return child;
};

/** SIGQUIT: its children end at once, without a checkpoint. */
const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGQUIT");
  await ended;
};

/** Starts an empty private PostgreSQL. Call `stop()` when the test is over. */
export const startTestPostgres = async ({ port = 0 } = {}): Promise<TestPostgres> => {
  if (programs === undefined || owner === undefined) throw new Error(missingPostgres);
  const folder = mkdtempSync("/tmp/sw-pg-");
  initialise(programs, folder, owner);
  const start = { folder, port, as: owner };
  let child = await launch(programs, start);
  let databases = 0;
  return {
    folder,
    dump: (url) => execFileSync(join(programs, "pg_dump"), ["--dbname", url], { maxBuffer: 1 << 28 }),
    createDatabase: async () => {
      databases += 1;
      const name = `test_${databases}`;
      await query(urlOf(start, "postgres"), `create database ${name}`);
      return urlOf(start, name);
    },
    kill: () => end(child),
    restart: async () => {
      await end(child);
      child = await launch(programs, start);
    },
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
