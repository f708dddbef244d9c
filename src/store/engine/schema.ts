/** What a database lacks of the schema of this version. */
import type { SwitchyardError } from "../../errors.ts";
import { migrations, schemaVersion } from "../migrations/all.ts";
import { columnTypes, type Migration } from "../migrations/migration.ts";
import type { Dialect } from "../unit.ts";
import { unavailable } from "./fault.ts";

export const versionTable =
  "create table if not exists schema_migrations (version integer primary key, name text not null)";

/** The migrations that are missing, as statements; refuses a database that a newer version wrote. */
export const missing = (dialect: Dialect, present: number, upTo = schemaVersion): readonly string[] => {
  if (present > schemaVersion) throw newerSchema(present);
  const record = ({ version, name }: Migration) =>
    `insert into schema_migrations (version, name) values (${version}, '${name}')`;
  return migrations
    .filter(({ version }) => version > present && version <= upTo)
    .flatMap((migration) => [...migration.statements(columnTypes[dialect]), record(migration)]);
};

export const newerSchema = (present: number): SwitchyardError =>
  unavailable(
    `The database has schema ${present}, this version knows ${schemaVersion}: start the version that wrote it, or a newer one.`,
  );
