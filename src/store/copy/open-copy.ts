/** Copies of the store by its URL: out of the one that is there, into one that is not there yet. */
import { existsSync } from "node:fs";
import { isPostgres } from "../engine/url.ts";
import type { Refill, Snapshot } from "./copy.ts";

const postgres = () => import("./postgres-copy.ts");
const sqlite = () => import("./sqlite-copy.ts");

/** The store as it is at this moment, while it goes on working. */
export const openSnapshot = async (url: string): Promise<Snapshot> =>
  isPostgres(url) ? (await postgres()).snapshotPostgres(url) : (await sqlite()).snapshotSqlite(url);

/** Whether there is nothing yet where a new store would be made. */
export const isVacant = async (url: string): Promise<boolean> =>
  isPostgres(url) ? (await (await postgres()).countTables(url)) === 0 : !existsSync(url);

/** Begins a new store with an older schema or this version's. The place must be vacant. */
export const openRefill = async (url: string, schema: number): Promise<Refill> =>
  isPostgres(url) ? (await postgres()).refillPostgres(url, schema) : (await sqlite()).refillSqlite(url, schema);
