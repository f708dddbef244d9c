/** The named schemas of the OpenAPI document. */
import type { TSchema } from "typebox";
import { catalog } from "../../jobs/catalog.ts";
import { problemSchema } from "./common.ts";
import { hostKeySchema } from "./host-key.ts";
import * as jobs from "./jobs.ts";
import * as things from "./things.ts";
import { vaultSchema } from "./vault.ts";

/** What each kind of job takes: the catalog's own schemas. */
const inputs = Object.fromEntries(Object.entries(catalog).map(([kind, { input }]) => [`Input.${kind}`, input]));

export const components: Readonly<Record<string, TSchema>> = {
  Problem: problemSchema,
  Job: jobs.jobSchema,
  Event: jobs.eventSchema,
  EventPage: jobs.eventPageSchema,
  JournalEntry: jobs.journalEntrySchema,
  Plan: jobs.planSchema,
  Ticket: jobs.ticketSchema,
  IntegrationType: things.typeSchema,
  Manifest: things.manifestSchema,
  Release: things.releaseSchema,
  Instance: things.instanceSchema,
  HostKey: hostKeySchema,
  Inventory: things.inventorySchema,
  InventoryCache: things.cacheSchema,
  InventorySummary: things.summarySchema,
  InventoryChange: things.changeSchema,
  Schedule: things.scheduleSchema,
  Token: things.tokenSchema,
  Principal: things.principalSchema,
  AuditEntry: things.auditSchema,
  Readiness: things.readinessSchema,
  Doctor: things.doctorSchema,
  Vault: vaultSchema,
  ...inputs,
};
