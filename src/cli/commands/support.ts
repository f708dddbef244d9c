/** A support bundle: made by a job, fetched into a file. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { JobDocument } from "../client/wire.ts";
import { enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes, exitOfJob } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { awaitJob, type FollowOptions, printEnd } from "../follow.ts";
import { printJson, type Session } from "../session.ts";

interface BundleOptions extends FollowOptions {
  readonly out?: string;
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

const fetchBundle = async ({ api }: Session, jobId: string, name: string): Promise<Uint8Array> => {
  const answer = await api.open("GET", `${path}/${jobId}`, { headers: { accept: "application/zip" } });
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const detail = `The server answered ${answer.status} when it was asked for ${name}.`;
  throw new CliFailure(exitCodes.failed, { title: "The bundle was not fetched", code: "bundle_not_fetched", detail });
};

/** The lines of a watch end with job.done: what else there is to say is no part of them. */
const printsDocument = ({ isJson }: Session, { watch }: BundleOptions): boolean => isJson && watch !== true;

const lost = async (session: Session, job: JobDocument, options: BundleOptions): Promise<ExitCode> => {
  if (printsDocument(session, options)) printJson(session, job);
  else if (!session.isJson) await printEnd(session, job);
  return exitOfJob(job);
};

const supportBundle = async (session: Session, _args: readonly string[], options: BundleOptions): Promise<ExitCode> => {
  const { api, terminal } = session;
  const { body: asked } = await api.ask<JobDocument>("POST", path, { enqueues: true });
  const job = await awaitJob(session, asked.id, { ...options, isQuiet: options.watch !== true });
  if (job.state !== "succeeded") return lost(session, job, options);
  const { name, files } = job.result as { name: string; files: readonly string[] };
  const file = resolve(options.out ?? name);
  await save(file, await fetchBundle(session, job.id, name));
  if (printsDocument(session, options)) printJson(session, { file, job_id: job.id, files });
  else (session.isJson ? terminal.note : terminal.print)(`${file} holds ${files.join(", ")}.`);
  if (!session.isJson) {
    terminal.note(
      "Secrets are not in it; names of instances and addresses in errors are. Look through it before you send it on.",
    );
  }
  return exitCodes.succeeded;
};

export const supportCommands: Group = (program, act) => {
  enqueuing(program.command("support-bundle"))
    .alias("support")
    .description("gather what somebody who helps needs to know into a zip file, without secrets")
    .option("--out <file>", "where to write it; a name of its own in this folder when absent")
    .action(act(supportBundle));
};
