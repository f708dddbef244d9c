/** A support bundle: made by a job, fetched into a file. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { JobDocument } from "../client/wire.ts";
import { type Group, timed } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { awaitJob, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";

interface BundleOptions {
  readonly out?: string;
  readonly timeout?: number;
}

const path = "/api/support-bundles";

const save = async (file: string, bytes: Uint8Array): Promise<void> => {
  try {
    await writeFile(file, bytes, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const detail = code === "EEXIST" ? `There is a file ${file} already.` : `${file} cannot be written (${code}).`;
    throw new CliFailure(exitCodes.usage, { title: "The bundle was not saved", code: "file_not_written", detail }, [
      "Name another file with --out.",
    ]);
  }
};

const supportBundle = async (session: Session, _args: readonly string[], options: BundleOptions): Promise<ExitCode> => {
  const { api, terminal } = session;
  const { body: asked } = await api.ask<JobDocument>("POST", path, { enqueues: true });
  const job = await awaitJob(session, asked.id, { ...options, isQuiet: true });
  if (job.state !== "succeeded") return finish(session, job, options);
  const { name, files } = job.result as { name: string; files: readonly string[] };
  const file = resolve(options.out ?? name);
  const answer = await api.open("GET", `${path}/${job.id}`, { headers: { accept: "application/zip" } });
  if (!answer.ok) {
    const detail = `The server answered ${answer.status} when it was asked for ${name}.`;
    throw new CliFailure(exitCodes.failed, { title: "The bundle was not fetched", code: "bundle_not_fetched", detail });
  }
  await save(file, new Uint8Array(await answer.arrayBuffer()));
  if (session.isJson) printJson(session, { file, job_id: job.id, files });
  else {
    terminal.print(`${file} holds ${files.join(", ")}.`);
    terminal.note(
      "Secrets are not in it; names of instances and addresses in errors are. Look through it before you send it on.",
    );
  }
  return exitCodes.succeeded;
};

export const supportCommands: Group = (program, act) => {
  timed(program.command("support-bundle"))
    .alias("support")
    .description("gather what somebody who helps needs to know into a zip file, without secrets")
    .option("--out <file>", "where to write it; a name of its own in this folder when absent")
    .action(act(supportBundle));
};
