/** The quality tier that a pack brought along, beside its type. */
import type { Migration } from "./migration.ts";

export const quality: Migration = {
  version: 4,
  name: "quality",
  statements: () => ["alter table integration_types add column quality text"],
};
