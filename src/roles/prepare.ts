/** What must be in order before anything runs on a store: its schema and its master key. */
import type { Config } from "../config.ts";
import { SwitchyardError } from "../errors.ts";
import { migrate } from "../store/open.ts";
import { checkKeys } from "./keys.ts";

const causeOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? "no answer";
};

const bringUp = async (config: Config): Promise<void> => {
  try {
    await migrate(config.databaseUrl);
  } catch (error) {
    if (error instanceof SwitchyardError) throw error;
    throw new SwitchyardError("store_unavailable", {
      detail: `Expected the database to answer and to take our schema, found ${causeOf(error)}; look whether it runs, and whether DATABASE_URL and SWITCHYARD_DATA are right.`,
    });
  }
};

/** The supervisor's and the API role's to do: workers find a store in order, or end. */
export const prepareStore = async (config: Config): Promise<void> => {
  await bringUp(config);
  await checkKeys(config);
};
