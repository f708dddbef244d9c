/** Runs one suite on both databases: a SQLite file and a private PostgreSQL. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import type { JobEvent } from "../../src/model/event.ts";
import { newId } from "../../src/model/ids.ts";
import type { Instance } from "../../src/model/instance.ts";
import { migrate, openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import type { Dialect } from "../../src/store/unit.ts";
import { newJob } from "./new-job.ts";
import { missingPostgres, startTestPostgres, type TestPostgres } from "./postgres.ts";

export { newJob };

export interface StoreBench {
  /** A store on an empty, migrated database. */
  readonly store: Store;
  readonly url: string;
  readonly dialect: Dialect;
  /** A second process would open it like this. */
  openAnother(): Promise<Store>;
  /** PostgreSQL: ends the server as a crash would and starts it again. */
  restart(): Promise<void>;
}

interface Databases {
  readonly dialect: Dialect;
  restart(): Promise<void>;
  start(): Promise<void>;
  create(): Promise<string>;
  stop(): Promise<void>;
}

const sqliteDatabases = (): Databases => {
  let folder = "";
  let files = 0;
  return {
    dialect: "sqlite",
    restart: async () => undefined,
    start: async () => {
      folder = mkdtempSync(join(tmpdir(), "sw-store-"));
    },
    create: async () => {
      files += 1;
      return join(folder, `${files}`, "switchyard.db");
    },
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** One server for all suites of a test file: making one takes a second. */
let server: TestPostgres | undefined;
afterAll(() => server?.stop());

const postgresDatabases = (): Databases => ({
  dialect: "postgres",
  restart: async () => server?.restart(),
  start: async () => {
    server ??= await startTestPostgres();
  },
  create: async () => (server === undefined ? "" : server.createDatabase()),
  stop: async () => undefined,
});

const runOn = (databases: Databases, suite: (bench: StoreBench) => void): void => {
  let open: Store[] = [];
  let url = "";
  const openOne = async (): Promise<Store> => {
    const store = await openStore({ url });
    open.push(store);
    return store;
  };
  const bench = {
    get store(): Store {
      return open[0]!;
    },
    get url(): string {
      return url;
    },
    dialect: databases.dialect,
    openAnother: openOne,
    restart: databases.restart,
  };
  beforeAll(() => databases.start());
  beforeEach(async () => {
    url = await databases.create();
    await migrate(url);
    await openOne();
  });
  afterEach(async () => {
    await Promise.all(open.map((store) => store.close()));
    open = [];
  });
  afterAll(() => databases.stop());
  suite(bench);
};

/** One suite on SQLite and PostgreSQL. Without PostgreSQL its half skips and says why; in strict runs it fails. */
export const describeStores = (name: string, suite: (bench: StoreBench) => void): void => {
  describe(`${name}, on SQLite`, () => runOn(sqliteDatabases(), suite));
  const isSkipped = missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1";
  const reason = isSkipped ? ` (skipped: ${missingPostgres})` : "";
  describe.skipIf(isSkipped)(`${name}, on PostgreSQL${reason}`, () => runOn(postgresDatabases(), suite));
};

export const newInstance = (given: Partial<Instance> = {}): Instance => ({
  id: newId("ins", 1_000),
  typeId: "example.device",
  name: "rack-1",
  config: { host: "10.0.0.1", port: 443 },
  configRevision: 1,
  secrets: {},
  state: "configured",
  lastTest: null,
  latencyMs: null,
  lastError: null,
  flags: [],
  createdAt: 1_000,
  updatedAt: 1_000,
  ...given,
});

/** The events from..to of a job. */
export const eventsFrom = (from: number, to: number, attempt = 1): JobEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    ts: 1_000 + from + index,
    phase: "test",
    level: "info",
    message: `line ${from + index}`,
    meta: { at: from + index },
    attempt,
  }));
