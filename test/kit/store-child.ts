/** Another process at the same database: `hold` locks a SQLite file until it is told to let go, `admit` admits jobs and names each one that is durable. */
import Database from "better-sqlite3";
import { insertJob } from "../../src/store/jobs.ts";
import { openStore } from "../../src/store/open.ts";
import { newJob } from "./new-job.ts";

const [task, url = ""] = process.argv.slice(2);

const hold = (): void => {
  const file = new Database(url, { timeout: 0 });
  file.exec("begin immediate");
  process.stdin.once("data", () => {
    file.exec("commit");
    file.close();
    process.exit(0);
  });
  process.stdout.write("held\n");
};

const admit = async (): Promise<void> => {
  const store = await openStore({ url });
  for (let number = 0; ; number += 1) {
    const round = Array.from({ length: 8 }, () => store.write(() => insertJob(newJob({ createdAt: number }))));
    for (const admission of round) process.stdout.write(`${(await admission).job.id}\n`);
  }
};

await (task === "hold" ? hold() : admit());
