/** The audit log: who did what, to what, when, from where, and how it ended. */
import { codec } from "./codec.ts";
import { type Page, pageOf, placeOf } from "./paging.ts";
import { prepared, query, run } from "./query.ts";
import type { AuditTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

export interface AuditEntry {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly principalId: string;
  readonly principalName: string;
  readonly action: string;
  readonly objectType: string;
  readonly objectId: string | null;
  readonly address: string | null;
  readonly outcome: string;
}

const audit = codec<AuditEntry, AuditTable>({
  id: "plain",
  at: "plain",
  principalId: "plain",
  principalName: "plain",
  action: "plain",
  objectType: "plain",
  objectId: "plain",
  address: "plain",
  outcome: "plain",
});

const appended = prepared<AuditTable, unknown>((value) => {
  const row = Object.fromEntries(audit.columns.map((name) => [name, value(name)]));
  return query.insertInto("audit").values(row as unknown as AuditTable);
});

export function* appendAudit(entry: AuditEntry): Unit<void> {
  yield* appended(audit.encode(entry));
}

/** Newest first. */
export function* listAudit(asked: { readonly cursor?: string | null; readonly limit: number }): Unit<Page<AuditEntry>> {
  let select = query.selectFrom("audit").selectAll();
  if (typeof asked.cursor === "string") {
    const { at, id } = placeOf(asked.cursor);
    select = select.where("at", "<=", at).where((is) => is.or([is("at", "<", at), is("id", "<", id)]));
  }
  const { rows } = yield* run(
    select
      .orderBy("at", "desc")
      .orderBy("id", "desc")
      .limit(asked.limit + 1),
  );
  return pageOf(rows.map(audit.decode), asked.limit, (entry) => entry);
}

/** Forgets entries made before; returns how many. */
export function* pruneAudit({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const due = query.selectFrom("audit").select("id").where("at", "<", before).limit(limit);
  return (yield* run(query.deleteFrom("audit").where("id", "in", due))).changes;
}
