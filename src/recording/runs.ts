/** The runs of one recording so far, and which of them an undo takes back. */
import { SwitchyardError } from "../errors.ts";
import type { JsonObject } from "../model/json.ts";
import type { Action } from "./script.ts";

/** A run that succeeded: what an undo starts from. */
export interface Done {
  readonly action: Action;
  readonly result: JsonObject;
}

export interface Runs {
  note(run: Done | "failed"): void;
  /** The last run that was not undone yet. @throws SwitchyardError `not_invertible` when there is none, or it failed. */
  last(): Done;
  /** The last run is taken back by now. */
  undone(): void;
}

const refused = (detail: string): SwitchyardError => new SwitchyardError("not_invertible", { detail });

export const createRuns = (): Runs => {
  const standing: (Done | "failed")[] = [];
  return {
    note: (run) => void standing.push(run),
    last: () => {
      const run = standing.at(-1);
      if (run === undefined) throw refused("There is no run before this undo that it could take back.");
      if (run !== "failed") return run;
      throw refused(
        "The run before this undo failed: what it left behind is not known. Look at the target, then run the verb that brings it where it shall be.",
      );
    },
    undone: () => void standing.pop(),
  };
};
