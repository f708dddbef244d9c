/** What a failed statement means for its caller, levelled over both databases. */
import { SwitchyardError } from "../../errors.ts";

/** How long a caller waits for a database that cannot be written. */
export const patienceMs = 5_000;

const codeOf = (thrown: unknown): string => {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : "";
};

export const isBusy = (thrown: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(thrown));

/** A table that is not there yet: nobody migrated. */
export const isMissingTable = (thrown: unknown): boolean =>
  codeOf(thrown) === "42P01" || (thrown instanceof Error && thrown.message.startsWith("no such table"));

/**
 * Two units met: the one that lost runs again. A unique violation counts, because a unit looks before it writes and
 * finds on its second run what the other one wrote.
 */
export const isConflict = (thrown: unknown): boolean => ["40001", "40P01", "23505"].includes(codeOf(thrown));

/** How the PostgreSQL client words what has no code. */
const lostWords = [
  "Connection terminated",
  "Client has encountered a connection error",
  "Client was closed",
  "Query read timeout",
  "timeout exceeded when trying to connect",
];

/** The connection failed, or the server is going down, starting or full of connections: another try may succeed. */
export const isLost = (thrown: unknown): boolean => {
  const code = codeOf(thrown);
  if (/^(08|57P|53300)/.test(code) || /^E[A-Z_]{4,}$/.test(code)) return true;
  return thrown instanceof Error && lostWords.some((words) => thrown.message.startsWith(words));
};

const sqliteOutage = /^SQLITE_(BUSY|LOCKED|IOERR|FULL|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM|PERM|AUTH)/;
/** Insufficient resources, operator intervention, system errors, read-only transaction. */
const postgresOutage = /^(53|57|58|25006|28|3D)/;

export const unavailable = (detail: string, cause?: unknown): SwitchyardError =>
  new SwitchyardError("store_unavailable", { detail, cause });

/** What the caller sees: an outage under its code, everything else (a mistake of ours) as it is. */
export const asStoreFault = (thrown: unknown): unknown => {
  if (thrown instanceof SwitchyardError) return thrown;
  const code = codeOf(thrown);
  if (sqliteOutage.test(code) || postgresOutage.test(code) || isLost(thrown)) {
    return unavailable("The database cannot be reached or written; the request may be sent again.", thrown);
  }
  return thrown;
};
