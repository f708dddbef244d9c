/** Backup and restore: the store and its key as one file. With a file's name they need no server. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { shellWord } from "../../model/shell-word.ts";
import type { Alone } from "../alone.ts";
import type { JobDocument } from "../client/wire.ts";
import { enqueuing, type Group } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";

interface FileOptions {
  readonly passphraseFile?: string;
  /** Commander's form of --without-key. */
  readonly withoutKey?: boolean;
}

const passphraseIn = (cwd: string, file: string | undefined): string | null => {
  if (file === undefined) return null;
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no file" : "cannot read the file";
    throw usage(`--passphrase-file: ${why} ${file}.`);
  }
  const [first = ""] = text.split(/\r?\n/, 1);
  if (first.length < 8) throw usage("--passphrase-file: expected at least 8 characters on its first line.");
  return first;
};

const ask = async (session: Session, _args: readonly string[], options: FollowOptions): Promise<ExitCode> =>
  finish(session, (await session.api.ask<JobDocument>("POST", "/api/backups", { enqueues: true })).body, options);

const write = async (alone: Alone, [file = ""]: readonly string[], options: FileOptions): Promise<undefined> => {
  const { cwd, environment, now, signal, terminal, version } = alone;
  const { loadConfig } = await import("../../config.ts");
  const { takeBackup } = await import("../../upkeep/backup.ts");
  const { loadRing } = await import("../../upkeep/configured-key.ts");
  const config = loadConfig(environment, cwd);
  const facts = await takeBackup({
    path: resolve(cwd, file),
    databaseUrl: config.databaseUrl,
    ring: () => loadRing(config.masterKey),
    withKey: options.withoutKey !== true,
    passphrase: passphraseIn(cwd, options.passphraseFile),
    coreVersion: version,
    now: now(),
    signal,
  });
  const { bytes, rows, keyId, withKey, isSealed } = facts;
  const told = { file, bytes, rows, key_id: keyId, with_key: withKey, sealed: isSealed };
  if (alone.isJson) return void printJson(alone, told);
  const count = Object.values(rows).reduce((sum, some) => sum + some, 0);
  terminal.print(`${file}: ${count} rows of ${Object.keys(rows).length} tables in ${bytes} bytes`);
  if (!withKey) terminal.note(`It holds no master key: without the key ${keyId} its secrets stay shut.`);
  else if (!isSealed)
    terminal.note("It holds the master key: who reads it has every secret. --passphrase-file seals it.");
};

const restore = async (alone: Alone, [file = ""]: readonly string[], options: FileOptions): Promise<undefined> => {
  const { cwd, environment, now, terminal } = alone;
  const { loadConfig } = await import("../../config.ts");
  const { restoreBackup } = await import("../../upkeep/restore.ts");
  const { foreignKey } = await import("../../upkeep/configured-key.ts");
  const { dataDir, databaseUrl, masterKey } = loadConfig(environment, cwd);
  const facts = await restoreBackup({
    path: resolve(cwd, file),
    passphrase: passphraseIn(cwd, options.passphraseFile),
    ...{ dataDir, databaseUrl },
    masterKey: { file: masterKey.file, present: foreignKey(masterKey) },
    now: now(),
  });
  const { createdAt, rows, settled, keyId, hasKey } = facts;
  const told = { created_at: createdAt, rows, settled_jobs: settled, key_id: keyId, has_key: hasKey };
  if (alone.isJson) return void printJson(alone, told);
  terminal.print(`Everything of ${createdAt}: ${rows["instances"] ?? 0} instances, ${rows["jobs"] ?? 0} jobs`);
  if (settled > 0) terminal.note(`${settled} jobs were open then; they are settled and do not run again.`);
  if (!hasKey) terminal.note(`It holds no master key: put the key ${keyId} into ${masterKey.file} before you start.`);
  else
    terminal.note(
      `Start it with: ${dataDir === resolve(cwd, "data") ? "" : `SWITCHYARD_DATA=${shellWord(dataDir)} `}npm start`,
    );
};

const passphrase = ["--passphrase-file <file>", "the file whose first line seals the backup"] as const;

export const backupCommands: Group = (program, act, alone) => {
  enqueuing(program.command("backup [file]"))
    .description("write a backup: to this file, from the data folder here; or, without a name, as a job of the server")
    .option(...passphrase)
    .option("--without-key", "leave the master key out: keep it elsewhere")
    .action((...given: unknown[]) => (given[0] === undefined ? act(ask) : alone(write))(...given));
  program
    .command("restore <file>")
    .description("make an empty data folder (and an empty database) what a backup holds; needs no server")
    .option(...passphrase)
    .action(alone(restore));
};
