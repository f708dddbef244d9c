/** `validate <folder>`: what an install would say, all of it, without a server. */
import type { Alone } from "../alone.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson } from "../session.ts";
import type { LookedPack } from "./look.ts";
import { printFaults, printPermissions, summaryOf } from "./show-faults.ts";
import { localTerms, placeOf } from "./terms.ts";

export interface ValidateOptions {
  /** Write the types of the driver beside it. */
  readonly types?: boolean;
}

/** As a job about the pack would answer, and the faults with their places. */
const documentOf = ({ pack, errors, faults }: LookedPack) => ({
  type_id: pack?.id ?? null,
  version: pack?.manifest.version ?? null,
  status: faults.length === 0 ? "valid" : "invalid",
  errors,
  release: pack === undefined ? null : { digest: pack.digest },
  permissions: pack?.permissions ?? [],
  sandbox_level: pack?.sandboxLevel ?? null,
  faults,
});

/** Before the pack is looked at, so that what is told of its content is true afterwards. */
const writeTypes = async (folder: string): Promise<string | undefined> => {
  const { writeDriverTypes } = await import("./driver-types-file.ts");
  return writeDriverTypes(folder);
};

const show = ({ terminal }: Alone, path: string, looked: LookedPack): void => {
  printFaults(terminal, path, looked.faults);
  if (looked.faults.length > 0) {
    terminal.note(summaryOf(looked));
    return;
  }
  const { id, manifest, digest } = looked.pack ?? {};
  terminal.print(`${id} ${manifest?.version} is valid (${digest?.slice(0, 16)})`);
  printPermissions(terminal, path, looked);
};

export const validate = async (
  alone: Alone,
  [path = ""]: readonly string[],
  options: ValidateOptions,
): Promise<ExitCode> => {
  const place = placeOf(alone, path);
  const written = options.types ? await writeTypes(place) : undefined;
  const { lookAtPack } = await import("./look.ts");
  const looked = await lookAtPack(place, await localTerms(alone));
  if (alone.isJson) printJson(alone, documentOf(looked));
  else show(alone, path, looked);
  if (written !== undefined) alone.terminal.note(`Wrote ${written}.`);
  return looked.faults.length === 0 ? exitCodes.succeeded : exitCodes.failed;
};
