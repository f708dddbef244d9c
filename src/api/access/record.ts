/** One line for the audit log about what a call did. */
import { newId } from "../../model/ids.ts";
import { type AuditEntry, appendAudit } from "../../store/audit.ts";
import type { Unit } from "../../store/unit.ts";
import type { Call } from "../http/route.ts";

interface Done {
  readonly action: string;
  readonly objectType: string;
  readonly objectId: string;
  readonly outcome?: string;
}

/** Goes into the same transaction as what it tells of. */
export function* record(call: Call<unknown, unknown, unknown>, at: number, done: Done): Unit<void> {
  const entry: AuditEntry = {
    id: newId("aud", at),
    at,
    principalId: call.principal.id,
    principalName: call.principal.name,
    address: call.address,
    outcome: "done",
    ...done,
  };
  yield* appendAudit(entry);
}
