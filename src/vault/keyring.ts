/** The vault of a running process: while the master key is exchanged it opens with both, and seals with one of them. */
import { createSealer } from "./seal.ts";
import { keyIdOf, readEnvelope, unreadable } from "./sealed.ts";
import { createVault, type Vault } from "./vault.ts";

/**
 * A master key on its way to be replaced, as it lies in the store: each of the two keys sealed with the other one, so
 * that whoever has one of them gets the other. It is deleted when nothing is sealed with the old key any more.
 */
export interface Rotation {
  /** `spread`: every process learns the new key. `reseal`: they seal with it, and what is stored follows. */
  readonly phase: "spread" | "reseal";
  readonly from: string;
  readonly to: string;
  /** The new key, sealed with the old one. */
  readonly forward: string;
  /** The old key, sealed with the new one. */
  readonly back: string;
}

export interface Keyring extends Vault {
  /** Ids of the keys it opens with. */
  readonly known: readonly string[];
  /** The key itself, for sealing anew; undefined when it is not known. */
  key(id: string): Buffer | undefined;
  /** Learns the other key of a rotation, and seals as its phase says; false when it has neither of the two. */
  follow(rotation: Rotation): boolean;
  /** Keeps this key alone. */
  keep(key: Buffer): void;
}

const forwardPlace = { scope: "store", field: "next master key", version: 1 };
const backPlace = { scope: "store", field: "earlier master key", version: 1 };

/** The first state of an exchange of keys. */
export const beginRotation = (from: Buffer, to: Buffer): Rotation => ({
  phase: "spread",
  from: keyIdOf(from),
  to: keyIdOf(to),
  forward: createSealer({ masterKey: from }).seal({ ...forwardPlace, value: to.toString("base64") }),
  back: createSealer({ masterKey: to }).seal({ ...backPlace, value: from.toString("base64") }),
});

const openKey = (box: string, place: typeof forwardPlace, masterKey: Buffer): Buffer =>
  Buffer.from(createVault({ masterKey }).open(box, place), "base64");

/** Both keys of a rotation for whoever has one of them. */
const keysOf = (rotation: Rotation, known: ReadonlyMap<string, Buffer>): [from: Buffer, to: Buffer] | undefined => {
  const from = known.get(rotation.from);
  const to = known.get(rotation.to);
  if (from !== undefined) return [from, to ?? openKey(rotation.forward, forwardPlace, from)];
  return to === undefined ? undefined : [openKey(rotation.back, backPlace, to), to];
};

/** @throws SwitchyardError `secret_unreadable` when the key does not have 32 bytes. */
export const createKeyring = (masterKey: Buffer): Keyring => {
  let current = createVault({ masterKey });
  let keys = new Map([[current.keyId, masterKey]]);
  let vaults = new Map([[current.keyId, current]]);
  const hold = (held: readonly Buffer[], sealing: Buffer): void => {
    keys = new Map(held.map((key) => [keyIdOf(key), key]));
    vaults = new Map(held.map((key) => [keyIdOf(key), createVault({ masterKey: key })]));
    current = createVault({ masterKey: sealing });
  };
  return {
    get keyId() {
      return current.keyId;
    },
    get known() {
      return [...keys.keys()];
    },
    key: (id) => keys.get(id),
    seal: (secret) => current.seal(secret),
    mark: () => current.mark(),
    knows: (mark) => [...vaults.values()].some((vault) => vault.knows(mark)),
    open(sealed, place) {
      const { keyId } = readEnvelope(sealed);
      const vault = vaults.get(keyId);
      if (vault !== undefined) return vault.open(sealed, place);
      throw unreadable(`The secret was sealed with the master key ${keyId}, this process has ${current.keyId}.`);
    },
    follow(rotation) {
      const found = keysOf(rotation, keys);
      if (found === undefined) return false;
      const [from, to] = found;
      hold([from, to], rotation.phase === "reseal" ? to : from);
      return true;
    },
    keep: (key) => hold([key], key),
  };
};
