/** A migrated SQLite store in a folder of its own, gone when the test is. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";

export interface TestStore {
  readonly store: Store;
  /** Closes it and removes its file. */
  end(): Promise<void>;
}

export const openTestStore = async (): Promise<TestStore> => {
  const folder = await mkdtemp(join(tmpdir(), "sw-store-"));
  const url = join(folder, "test.db");
  await migrate(url);
  const store = await openStore({ url });
  return {
    store,
    end: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
