/** Reads the settings and starts the asked role. */
import { ownConfig, SettingError } from "./config.ts";
import { SwitchyardError } from "./errors.ts";
import { createLog } from "./log.ts";

const titles = { all: "switchyard", api: "switchyard-api", worker: "switchyard-worker" } as const;

/** The first signal asks for an orderly end, a second one ends at once. */
const stopOnSignal = (): AbortSignal => {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on("SIGTERM", stop);
  // A terminal sends SIGINT to the whole group; a supervised process waits for its supervisor's word.
  process.on("SIGINT", () => (process.send ? undefined : stop()));
  return controller.signal;
};

const start = async (): Promise<void> => {
  const config = ownConfig();
  process.title = titles[config.role];
  const stop = stopOnSignal();
  if (config.role === "all") {
    const { runAll } = await import("./roles/all.ts");
    const log = createLog(config.logLevel, "supervisor");
    await runAll(config, { withLab: process.argv.includes("--lab"), log, stop });
  } else if (config.role === "api") {
    const { runApi } = await import("./roles/api.ts");
    await runApi(config, stop);
  } else {
    const { runWorker } = await import("./roles/worker.ts");
    await runWorker(config, stop);
  }
};

try {
  await start();
  process.exit(0);
} catch (error) {
  const isExpected = error instanceof SettingError || error instanceof SwitchyardError;
  process.stderr.write(`switchyard: ${isExpected ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
