/** Takes a backup: everything the store holds at one moment, and the key that opens its secrets. */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { SwitchyardError } from "../errors.ts";
import type { Snapshot } from "../store/copy/copy.ts";
import { openSnapshot } from "../store/copy/open-copy.ts";
import { readKeyFacts } from "../store/key-fence.ts";
import type { Keyring } from "../vault/keyring.ts";
import {
  encodeValue,
  formatName,
  formatVersion,
  frameCodec,
  type Header,
  keyOf,
  type Line,
  type Sealing,
  scryptCost,
} from "./backup-format.ts";
import { writeBackupFile } from "./backup-writing.ts";
import { parseRotation } from "./rotation-state.ts";

export interface BackupRequest {
  readonly path: string;
  readonly databaseUrl: string;
  /** Loads the keys, once it is known which moment the backup is of. */
  readonly ring: () => Keyring;
  /** Without it, whoever has the backup has no secrets. */
  readonly withKey: boolean;
  /** Seals the whole body. */
  readonly passphrase: string | null;
  readonly coreVersion: string;
  readonly now: number;
  readonly signal?: AbortSignal;
}

export interface BackupFacts {
  readonly bytes: number;
  readonly schema: number;
  readonly createdAt: number;
  /** How many rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly keyId: string;
  readonly withKey: boolean;
  readonly isSealed: boolean;
}

/** The key that the backup's rows want: after an exchange of keys that ended since, it is not the one on disk. */
const keyFor = async (snapshot: Snapshot, ring: Keyring): Promise<{ id: string; key: Buffer }> => {
  const { mark, rotation } = await snapshot.read(readKeyFacts);
  if (rotation !== undefined) ring.follow(parseRotation(rotation));
  const key = ring.key(ring.keyId);
  if (key !== undefined && (mark === undefined || ring.knows(mark))) return { id: ring.keyId, key };
  throw new SwitchyardError("backup_failed", {
    detail:
      "The master key here is not the one of this moment of the store: it is being exchanged; take the backup again.",
  });
};

async function* linesOf(
  snapshot: Snapshot,
  key: Buffer | undefined,
  counted: Record<string, number>,
): AsyncGenerator<Line[]> {
  if (key !== undefined) yield [{ key: key.toString("base64") }];
  for (const table of snapshot.tables) {
    yield [{ table: table.name, columns: table.columns }];
    for await (const rows of snapshot.rows(table)) {
      counted[table.name] = (counted[table.name] ?? 0) + rows.length;
      yield rows.map((row) => row.map(encodeValue));
    }
  }
  yield [{ rows: counted }];
}

const sealingOf = (passphrase: string | null): Sealing | null =>
  passphrase === null
    ? null
    : { kdf: "scrypt", cost: scryptCost, salt: randomBytes(16).toString("base64"), cipher: "aes-256-gcm" };

/**
 * Writes a backup while everything else goes on.
 * @throws SwitchyardError `backup_failed` when it cannot be written, `store_unavailable` when there is no store.
 */
export const takeBackup = async (request: BackupRequest): Promise<BackupFacts> => {
  const { path, databaseUrl, passphrase, withKey, coreVersion, now, signal } = request;
  const snapshot = await openSnapshot(databaseUrl);
  try {
    const { id, key } = await keyFor(snapshot, request.ring());
    const counted: Record<string, number> = {};
    const sealing = sealingOf(passphrase);
    const header: Header = {
      format: formatName,
      version: formatVersion,
      core: coreVersion,
      schema: snapshot.schema,
      created_at: new Date(now).toISOString(),
      key_id: id,
      has_key: withKey,
      sealing,
    };
    const sealingKey = sealing === null || passphrase === null ? undefined : await keyOf(passphrase, sealing);
    await writeBackupFile({
      path,
      header,
      codecOf: (text) => (sealingKey === undefined ? undefined : frameCodec(sealingKey, text)),
      lines: linesOf(snapshot, withKey ? key : undefined, counted),
      ...(signal === undefined ? {} : { signal }),
    });
    const { size: bytes } = statSync(path);
    return {
      ...{ bytes, schema: snapshot.schema, createdAt: now, rows: counted },
      ...{ keyId: id, withKey, isSealed: sealing !== null },
    };
  } finally {
    await snapshot.close();
  }
};
