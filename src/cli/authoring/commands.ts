/** The commands of a pack's author. What they do is loaded when it is asked for. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { categories } from "../../model/manifest-schema.ts";
import { type Alone, runAlone } from "../alone.ts";
import { collected, enqueuing, type Group, type Run } from "../command.ts";
import { validateType } from "../commands/types.ts";
import type { Session } from "../session.ts";
import type { BuildOptions } from "./build.ts";
import type { IndexOptions } from "./catalogue/make.ts";
import type { SearchOptions } from "./catalogue/search.ts";
import type { NewOptions } from "./new.ts";
import { validate } from "./validate.ts";

/** A folder or an archive here goes before an installed type of that name. */
const isHere = (cwd: string, path: string): boolean =>
  /[/\\]|^\.|\.int$/.test(path) || statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isDirectory() === true;

const build = async (alone: Alone, args: readonly string[], options: BuildOptions) =>
  (await import("./build.ts")).build(alone, args, options);

const search = async (alone: Alone, args: readonly string[], options: SearchOptions) =>
  (await import("./catalogue/search.ts")).search(alone, args, options);

const index = async (alone: Alone, args: readonly string[], options: IndexOptions) =>
  (await import("./catalogue/make.ts")).index(alone, args, options);

const newPack = async (session: Session, args: readonly string[], options: NewOptions) =>
  (await import("./new.ts")).newPack(session, args, options);

const schema = async ({ terminal }: Alone): Promise<undefined> => {
  const { manifestSchemaDocument } = await import("./editor-files.ts");
  terminal.print(JSON.stringify(manifestSchemaDocument(), null, 2));
};

const validateEither: Run = (session, args, options) =>
  isHere(session.cwd, args[0] ?? "")
    ? runAlone(validate, { alone: session, args, options })
    : validateType(session, args, options);

export const authoringCommands: Group = (program, act, alone) => {
  program
    .command("new [id]")
    .description(
      "write a new pack that validates, with a test that passes, in TypeScript or Python; asks on a terminal for what is not given",
    )
    .option("--dir <folder>", "where to (default: a folder here, named as the id)")
    .option("--name <name>", "what people call it")
    .option("--category <category>", `what kind of thing it is for: ${categories.join(", ")}`)
    .option("--language <language>", "what its driver is written in: typescript or python")
    .option("--transport <transport>", "how it is reached: http, ssh, snmp or tcp")
    .option("--target <type>", "what it lists and acts on, such as lamp")
    .option("--capability <id:verbs>", "such as lamp.power:on,off; may be given more than once", collected, [])
    .action(act(newPack));
  enqueuing(program.command("validate <pack>"))
    .description("say all that an install would say of a folder or a file.int; or look at an installed type again")
    .option("--types", "of a folder: write driver.types.d.ts, the driver's types as the manifest says them")
    .action(act(validateEither));
  program
    .command("build <folder>")
    .description("write the archive of a pack that an install would take; the same content gives the same bytes")
    .option("--out <place>", "a file that ends in .int, or a folder (default: <id>-<version>.int here)")
    .option("--sign <key.pem>", "sign it with this private Ed25519 key")
    .action(alone(build));
  program
    .command("index <folder>")
    .description("write a catalogue of the archives in a folder, for search and install")
    .option("--out <file>", "where to (default: index.json in the folder; archives are found from there)")
    .action(alone(index));
  program
    .command("search <word>")
    .description("find packs in the catalogue")
    .option("--catalog <place>", "this file or URL (default: SWITCHYARD_CATALOG)")
    .action(alone(search));
  program
    .command("schema")
    .description("print the JSON Schemas that editors check files with")
    .command("manifest")
    .description("the one of plugin.yaml")
    .action(alone(schema));
};
