/** What a person is told when the system is up and when it ends, and what programs find in the data folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NamedToken } from "./admin-token.ts";

/** Leaves the address for those who share the data folder: the command line, workers, whoever asked for any free port. */
export const leaveUrl = (dataDir: string, url: string): void => writeFileSync(join(dataDir, "url"), `${url}\n`);

const tokenLine = ({ file, isLive }: NamedToken): string => {
  if (isLive) return `The admin token is ${file === null ? "the one set by SWITCHYARD_ADMIN_TOKEN" : `in ${file}`}`;
  const [place, way] =
    file === null
      ? ["set by SWITCHYARD_ADMIN_TOKEN", "set another one and start again"]
      : [`in ${file}`, "remove that file and start again"];
  return `The admin token ${place} was revoked or has expired and opens nothing. For a new one, ${way}.`;
};

export const greet = (url: string, token: NamedToken): void => {
  process.stdout.write(`Switchyard listens on ${url}\n${tokenLine(token)}\n`);
};

/** An end may take some seconds: who asked for it sees at once that it was heard. */
export const sayStopping = (): void => {
  process.stdout.write("Stopping: what runs ends within seconds or goes back to the queue\n");
};
