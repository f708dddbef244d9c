/** One system and its command line for a block of tests: started before them, gone after them. */
import { afterAll, beforeAll } from "vitest";
import { type CliBench, openCliBench } from "./cli.ts";

type Commands = Pick<CliBench, "start" | "cli" | "typed" | "json">;

/** Hands the bench over when it is there; the commands may be taken before. */
export const useCli = (give: (bench: CliBench) => Promise<void> | void): Commands => {
  let bench: CliBench | undefined;
  const used = (): CliBench => {
    if (bench === undefined) throw new Error("expected the command line to be used within a test");
    return bench;
  };
  beforeAll(async () => {
    bench = await openCliBench();
    await give(bench);
  }, 90_000);
  afterAll(() => bench?.dispose());
  return {
    start: (...args) => used().start(...args),
    cli: (...args) => used().cli(...args),
    typed: (...args) => used().typed(...args),
    json: (...args) => used().json(...args),
  };
};
