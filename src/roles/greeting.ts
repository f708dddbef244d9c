/** What a person is told when the system is up, and what programs find in the data folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Leaves the address for those who share the data folder: the command line, workers, whoever asked for any free port. */
export const leaveUrl = (dataDir: string, url: string): void => writeFileSync(join(dataDir, "url"), `${url}\n`);

/** @param tokenFile null when the token was set. */
export const greet = (url: string, tokenFile: string | null): void => {
  process.stdout.write(`Switchyard listens on ${url}\n`);
  process.stdout.write(
    `The admin token is ${tokenFile === null ? "the one set by SWITCHYARD_ADMIN_TOKEN" : `in ${tokenFile}`}\n`,
  );
};
