/** Reads the settings and starts the asked role. */
import { type Config, hasNpmTakenLab, ownConfig, SettingError, settingExitCode } from "./config.ts";
import { SwitchyardError } from "./errors.ts";
import { impatience } from "./model/impatience.ts";
import { nearest } from "./model/nearest.ts";
import { parent } from "./roles/child.ts";
import { forbidCoreFiles } from "./roles/core-files.ts";
import { giveBackMemory } from "./roles/give-back-memory.ts";

const titles = { all: "switchyard", api: "switchyard-api", worker: "switchyard-worker" } as const;

/** SIGTERM, SIGHUP or SIGINT asks for an orderly end; another SIGINT, a while later, ends at once. */
const stopOnSignal = (): AbortSignal => {
  const controller = new AbortController();
  const isImpatient = impatience(() => performance.now());
  const stop = (signal: NodeJS.Signals): void => {
    if (isImpatient() && signal === "SIGINT") process.exit(130);
    controller.abort();
  };
  // A terminal signals its whole group; a supervised process waits for its supervisor's word.
  const stopOwn = (signal: NodeJS.Signals): void => {
    if (!parent.isThere) stop(signal);
  };
  process.on("SIGTERM", stop);
  process.on("SIGHUP", stopOwn);
  process.on("SIGINT", stopOwn);
  return controller.signal;
};

const known = ["--lab"];

/** @throws SettingError for an option that there is none of. */
const readOptions = (given: readonly string[], role: Config["role"]): { withLab: boolean } => {
  const odd = given.find((option) => !known.includes(option));
  if (odd !== undefined) {
    const near = nearest(odd, known).map((option) => `: did you mean ${option}?`);
    throw new SettingError(`expected no option but ${known.join(", ")}, found ${odd}${near.join("")}`);
  }
  if (given.length > 0 && role !== "all") {
    throw new SettingError(`setting SWITCHYARD_ROLE: expected all beside ${given.join(" ")}, found ${role}`);
  }
  const withLab = given.includes("--lab");
  if (!withLab && !parent.isThere && hasNpmTakenLab()) {
    throw new SettingError(
      "expected npm start -- --lab, found --lab without the -- before it, which npm keeps to itself",
    );
  }
  return { withLab };
};

/** Answers the exit code. */
const start = async (): Promise<number> => {
  parent.onGone(() => process.exit(1));
  const config = ownConfig();
  const { withLab } = readOptions(process.argv.slice(2), config.role);
  process.title = titles[config.role];
  forbidCoreFiles();
  giveBackMemory();
  const stop = stopOnSignal();
  if (config.role === "all") {
    const { runAll } = await import("./roles/all.ts");
    return runAll(config, { withLab, stop });
  }
  if (config.role === "api") {
    const { runApi } = await import("./roles/api.ts");
    await runApi(config, stop);
  } else {
    const { runWorker } = await import("./roles/worker.ts");
    await runWorker(config, stop);
  }
  return 0;
};

/** What the system refused about a file is for whoever runs us, and its place says enough. */
const isOfSystem = (error: unknown): boolean => error instanceof Error && "syscall" in error;

try {
  process.exit(await start());
} catch (error) {
  const isExpected = error instanceof SettingError || error instanceof SwitchyardError || isOfSystem(error);
  const text = isExpected ? (error as Error).message.replaceAll(/\s*\n\s*/g, " ") : (error as Error).stack;
  process.stderr.write(`switchyard: ${text}\n`);
  process.exit(error instanceof SettingError ? settingExitCode : 1);
}
