/** The commands that prove a pack without its device. What they do is loaded when it is asked for. */
import type { Alone } from "../alone.ts";
import { collected, type Group } from "../command.ts";
import type { CheckOptions } from "./check.ts";
import type { RecordOptions } from "./record.ts";
import type { ReplayOptions } from "./replay.ts";

const record = async (alone: Alone, args: readonly string[], options: RecordOptions) =>
  (await import("./record.ts")).record(alone, args, options);

const replay = async (alone: Alone, args: readonly string[], options: ReplayOptions) =>
  (await import("./replay.ts")).replay(alone, args, options);

const check = async (alone: Alone, args: readonly string[], options: CheckOptions) =>
  (await import("./check.ts")).check(alone, args, options);

const callsHelp = `
Calls:
  test_connection
  "inventory_list type=vm"
  "plan vm.lifecycle shutdown vm/100 force=true"    what it would do; nothing is written
  "run vm.lifecycle shutdown vm/100 force=true"     needs --allow-writes
  "read switch.config get switch/1"                 a verb that only reads
  undo                                              takes back the run before it; needs --allow-writes`;

export const recordingCommands: Group = (program, _act, alone) => {
  program
    .command("record <folder>")
    .description("run a pack's driver against a real device and write down what passes between them, without secrets")
    .requiredOption("--call <call>", "what to ask; may be given more than once, and goes in order", collected, [])
    .option("--set <name=value>", "a field of the config", collected, [])
    .option("--secret <name=source>", "a secret: name=@file, or name=- to be typed or piped", collected, [])
    .option("--out <file>", "where to (default: recordings/<the first call>.jsonl in the folder)")
    .option("--allow-writes", "let `run` and `undo` write to the device")
    .option("--force", "write over an existing recording")
    .addHelpText("after", callsHelp)
    .action(alone(record));
  program
    .command("replay <folder>")
    .description("run a pack's driver on its recordings, without a network, and show what it does otherwise")
    .option("--file <recording>", "this one only; may be given more than once", collected, [])
    .action(alone(replay));
  program
    .command("check <folder>")
    .description("run a pack's own tests and the conformance kit, and say which quality tier it reaches")
    .option("--least <tier>", "fail below this tier (default: fail only when a check does)")
    .option("--write", "keep the report in the pack, so that its type shows the tier")
    .action(alone(check));
};
