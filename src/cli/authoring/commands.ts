/** The commands of a pack's author. What they do is loaded when it is asked for. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type Alone, runAlone } from "../alone.ts";
import { enqueuing, type Group, type Run } from "../command.ts";
import { validateType } from "../commands/types.ts";
import type { BuildOptions } from "./build.ts";
import { validate } from "./validate.ts";

/** A folder or an archive here goes before an installed type of that name. */
const isHere = (cwd: string, path: string): boolean =>
  /[/\\]|^\.|\.int$/.test(path) || statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isDirectory() === true;

const build = async (alone: Alone, args: readonly string[], options: BuildOptions) =>
  (await import("./build.ts")).build(alone, args, options);

const validateEither: Run = (session, args, options) =>
  isHere(session.cwd, args[0] ?? "")
    ? runAlone(validate, { alone: session, args, options })
    : validateType(session, args, options);

export const authoringCommands: Group = (program, act, alone) => {
  enqueuing(program.command("validate <pack>"))
    .description("say all that an install would say of a folder or a file.int; or look at an installed type again")
    .option("--types", "of a folder: write driver.types.d.ts, the driver's types as the manifest says them")
    .action(act(validateEither));
  program
    .command("build <folder>")
    .description("write the archive of a pack that an install would take; the same content gives the same bytes")
    .option("--out <file.int>", "where to (default: <id>-<version>.int here)")
    .action(alone(build));
};
