/** Whether this process may use what lies in its data folder: an earlier start may have been another user's. */
import { accessSync, constants, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, SettingError } from "../config.ts";

type Use = "folder" | "file" | "reading" | "key";

const { R_OK, W_OK, X_OK } = constants;
const needs: Readonly<Record<Use, number>> = {
  folder: R_OK | W_OK | X_OK,
  file: R_OK | W_OK,
  reading: R_OK,
  key: R_OK,
};

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** What is used of the data folder with these settings; what is not there yet will be made. */
const entriesOf = ({ dataDir, redisUrl, databaseUrl, masterKey, adminToken }: Config): [string, Use][] => {
  const appends = join("redis", "appendonlydir");
  const redis: [string, Use][] = [
    ["redis", "folder"],
    [appends, "folder"],
    [join("redis", "redis.log"), "file"],
    ...namesIn(join(dataDir, appends)).map((name): [string, Use] => [join(appends, name), "file"]),
  ];
  const store = ["", "-wal", "-shm"].map((end): [string, Use] => [`switchyard.db${end}`, "file"]);
  return [
    ...(redisUrl === null ? redis : []),
    ...(databaseUrl === join(dataDir, "switchyard.db") ? store : []),
    ...(masterKey.isOwn && masterKey.value === undefined ? ([["master.key", "key"]] as const) : []),
    ...(adminToken === null ? ([["admin.token", "reading"]] as const) : []),
    ...["releases", "uploads", "backups"].map((name): [string, Use] => [name, "folder"]),
    ["url", "file"],
  ].map(([name, use]) => [join(dataDir, name as string), use as Use]);
};

const modeOf = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(4, "0");

const wrong = (expected: string, found: string): SettingError =>
  new SettingError(`setting SWITCHYARD_DATA: expected ${expected}, found ${found}`);

/** What went since it was looked at, as a database's log does with its last connection, hinders nobody. */
const mayUse = (path: string, use: Use): boolean => {
  try {
    accessSync(path, needs[use]);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ENOENT";
  }
};

const kindOf = (found: Stats): string => (found.isDirectory() ? "folder" : "file");

const check = (path: string, use: Use, dataDir: string): void => {
  const found = statOf(path);
  if (found === undefined) return;
  const kind = use === "folder" ? "folder" : "file";
  if (kindOf(found) !== kind) throw wrong(`${path} to be a ${kind}`, `a ${kindOf(found)}: move it away`);
  const seen = `mode ${modeOf(found)} and owner ${found.uid}`;
  if (!mayUse(path, use)) {
    const act = use === "folder" || use === "file" ? "read and write" : "read";
    const own = process.getuid?.() ?? 0;
    throw wrong(
      `that user ${own} may ${act} ${path}`,
      `${seen}: as root, chown -R ${own} ${dataDir}, or start as that owner`,
    );
  }
  if (use === "key" && (found.mode & 0o077) !== 0)
    throw wrong(`${path} to be its owner's alone`, `${seen}: chmod 600 ${path}`);
};

/** @throws SettingError with one line that says what to do about the first thing that cannot be used. */
export const checkDataRights = (config: Config): void => {
  for (const [path, use] of entriesOf(config)) check(path, use, config.dataDir);
};
