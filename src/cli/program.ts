/** The command line: which commands there are, and how each is run. */
import { Command, CommanderError } from "commander";
import { asFailure, runAlone } from "./alone.ts";
import { authoringCommands } from "./authoring/commands.ts";
import { recordingCommands } from "./authoring/recording-commands.ts";
import { type Client, createClient } from "./client/http.ts";
import { findServer } from "./client/server.ts";
import type { Act, ActAlone, Group } from "./command.ts";
import { actionCommands } from "./commands/actions.ts";
import { againCommands } from "./commands/again.ts";
import { apiCommands } from "./commands/api.ts";
import { backupCommands } from "./commands/backup.ts";
import { completionCommands } from "./commands/completion.ts";
import { editCommands } from "./commands/edit.ts";
import { instanceCommands } from "./commands/instances.ts";
import { inventoryCommands } from "./commands/inventory.ts";
import { jobCommands } from "./commands/jobs.ts";
import { scheduleCommands } from "./commands/schedules.ts";
import { secretCommands } from "./commands/secrets.ts";
import { showCommands } from "./commands/show.ts";
import { supportCommands } from "./commands/support.ts";
import { systemCommands } from "./commands/system.ts";
import { tokenCommands } from "./commands/tokens.ts";
import { typeCommands } from "./commands/types.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { CliFailure } from "./failure.ts";
import { helpLayout, helpOutput, withHelpBehind } from "./help.ts";
import { printMisuse } from "./misuse.ts";
import { addServerHelp } from "./server-help.ts";
import type { Session } from "./session.ts";
import type { Known } from "./view/next-step.ts";
import { printFailure } from "./view/problem.ts";
import type { Terminal } from "./view/terminal.ts";

export interface Surroundings {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly version: string;
}

const groups: readonly Group[] = [
  recordingCommands,
  typeCommands,
  authoringCommands,
  instanceCommands,
  editCommands,
  inventoryCommands,
  actionCommands,
  jobCommands,
  againCommands,
  showCommands,
  scheduleCommands,
  tokenCommands,
  secretCommands,
  backupCommands,
  systemCommands,
  supportCommands,
  apiCommands,
  completionCommands,
];

const exitHelp = `
Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 3 not allowed, 4 not found,
5 no server, 6 cancelled, 7 unknown outcome, 8 partial, 124 timed out.`;

const createRoot = ({ terminal, version }: Surroundings): Command =>
  new Command("switchyard")
    .description("Everything you do to your machines as durable jobs: plan, apply, undo, watch.")
    .version(version)
    .option("--url <url>", "the server (SWITCHYARD_URL, or what `npm start` left in the data folder)")
    .option("--token <token>", "who asks (SWITCHYARD_TOKEN is not seen by other users of this machine)")
    .option("--json", "print the API's JSON")
    .configureHelp(helpLayout)
    .configureOutput(helpOutput(terminal))
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText("after", exitHelp);

/** All commands on a root. */
export const withCommands = (root: Command, act: Act, alone: ActAlone): Command => {
  for (const add of groups) add(root, act, alone);
  return root;
};

interface CommonOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

const fail = (surroundings: Surroundings, thrown: unknown, shown: { isJson: boolean; known: Known }): ExitCode => {
  if (thrown instanceof CliFailure) {
    const failure = surroundings.signal.aborted && thrown.problem.code === "no_server" ? undefined : thrown;
    if (failure) printFailure(surroundings.terminal, failure, shown);
    return failure?.exitCode ?? exitCodes.interrupted;
  }
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  const problem = { title: "The command line made a mistake", detail, code: "internal" };
  printFailure(surroundings.terminal, new CliFailure(exitCodes.failed, problem), shown);
  return exitCodes.failed;
};

/** What was typed, by the names of the arguments; parameters go with the target that they are for. */
const knownOf = (command: Command): Known => {
  const { param = [] } = command.opts<{ param?: readonly string[] }>();
  const typed = command.registeredArguments.flatMap((argument, index) => {
    const word = command.args[index];
    return word === undefined ? [] : [[argument.name(), [word]] as const];
  });
  const known = Object.fromEntries(typed);
  const { target = [] } = known;
  const params = param.flatMap((pair) => ["--param", pair]);
  return { ...known, target: [...target, ...params], "plan|run": [command.name()] };
};

const helpMs = 2_000;

/** Help waits for no server that is slow; its options are looked for before anything is parsed. */
const helpClient = ({ environment, cwd, signal }: Surroundings, argv: readonly string[]): Client => {
  const after = (option: string): string | undefined => argv[argv.indexOf(option) + 1 || argv.length];
  const server = findServer({ url: after("--url"), token: after("--token"), environment, cwd });
  return createClient(server, AbortSignal.any([signal, AbortSignal.timeout(helpMs)]));
};

/** Runs one command line. Never throws, never exits: the exit code is the answer. */
export const runCommand = async (surroundings: Surroundings, argv: readonly string[]): Promise<ExitCode> => {
  const { environment, cwd, signal } = surroundings;
  const root = createRoot(surroundings);
  // The options that all share are read before a command is looked at, so this holds for what is refused as well.
  const isJson = (): boolean => root.opts<CommonOptions>().json === true;
  let exitCode: ExitCode = exitCodes.succeeded;
  let known: Known = {};
  const act: Act =
    (run) =>
    async (...given) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<CommonOptions>();
      known = knownOf(command);
      const editor = environment["VISUAL"] || environment["EDITOR"] || "vi";
      const server = () => findServer({ url: options.url, token: options.token, environment, cwd });
      let client: Client | undefined;
      const session: Session = {
        ...{ ...surroundings, isJson: isJson(), editor },
        // Some commands need no server.
        get api() {
          client ??= createClient(server(), signal);
          return client;
        },
      };
      exitCode = (await run(session, given.slice(0, -2) as string[], options as never)) ?? exitCodes.succeeded;
    };
  const alone: ActAlone =
    (run) =>
    async (...given) => {
      const options = (given.at(-1) as Command).optsWithGlobals<CommonOptions>();
      const args = given.slice(0, -2) as string[];
      exitCode = await runAlone(run, { alone: { ...surroundings, isJson: isJson() }, args, options });
    };
  withCommands(root, act, alone);
  try {
    const words = withHelpBehind(root, argv);
    await addServerHelp(root, words, () => helpClient(surroundings, words));
    await root.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError)
      return printMisuse(thrown, { terminal: surroundings.terminal, isJson: isJson(), root, words: argv });
    return fail(surroundings, asFailure(thrown), { isJson: isJson(), known });
  }
};
