/** Every migration, in order. A migration that was released is never edited. */
import { first } from "./0001-first.ts";
import { fewerIndexes } from "./0002-fewer-indexes.ts";
import { hostKeysAndArtifacts } from "./0003-host-keys-and-artifacts.ts";
import { quality } from "./0004-quality.ts";
import type { Migration } from "./migration.ts";

export const migrations: readonly Migration[] = [first, fewerIndexes, hostKeysAndArtifacts, quality];

/** The schema that this version of the runner reads and writes. */
export const schemaVersion = migrations.length;
