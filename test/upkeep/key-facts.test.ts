/** What tells a process which master key is the store's, read while an exchange of it ends. */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { readKeyFacts } from "../../src/store/key-fence.ts";
import { endRotation, replaceRotation } from "../../src/store/rotation.ts";
import type { Outcome, Unit } from "../../src/store/unit.ts";
import { checkMasterKey } from "../../src/store/vault-check.ts";
import { writeRotation } from "../../src/upkeep/rotation-state.ts";
import { beginRotation, createKeyring } from "../../src/vault/keyring.ts";
import { keyIdOf } from "../../src/vault/sealed.ts";
import { describeStores } from "../kit/stores.ts";

describeStores("which key is the store's", (bench) => {
  it("is told as it was at one moment, also to who looks while an exchange ends", async () => {
    const old = randomBytes(32);
    const ring = createKeyring(old);
    await checkMasterKey(bench.store, ring);
    const rotation = writeRotation(beginRotation(old, randomBytes(32)));
    await bench.store.write(() => replaceRotation(undefined, rotation));
    const before = await bench.store.read(readKeyFacts);
    expect(before).toMatchObject({ rotation, mark: expect.any(String) });

    const ended = { from: keyIdOf(old), mark: "of the next key", after: 0 };
    const looking = readKeyFacts();
    let step = looking.next();
    while (!step.done) {
      const asked = step.value;
      const outcome = await bench.store.read(function* (): Unit<Outcome> {
        return yield asked;
      });
      // As another process may, between any two statements.
      await bench.store.write(() => endRotation(ended));
      step = looking.next(outcome);
    }
    expect(step.value).toEqual(before);
    expect(await bench.store.read(readKeyFacts)).toEqual({ mark: "of the next key", rotation: undefined });
  });
});
