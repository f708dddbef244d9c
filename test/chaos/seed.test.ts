/** A round that is asked for again with its seed strikes at the same moment into the same jobs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Proxmox, startProxmox } from "../../lab/proxmox.ts";
import { chanceFrom } from "../kit/random.ts";
import { fullMix, mixedErrands } from "./kit/errand.ts";

const asked = async (lab: Proxmox, seed: string): Promise<string[]> => {
  let number = 0;
  const ground = {
    lab,
    counting: ["ins_1", "ins_2", "ins_3", "ins_4"],
    proxmox: "ins_5",
    shelf: "ins_6",
    nextNumber: () => {
      number += 1;
      return number;
    },
  };
  const errands = await mixedErrands(ground, chanceFrom(seed, "errands"), fullMix);
  return errands.map(({ name, path, body }) => `${name} ${path} ${Buffer.isBuffer(body) ? "" : JSON.stringify(body)}`);
};
const draws = (...words: string[]): number[] => {
  const chance = chanceFrom(...words);
  return Array.from({ length: 20 }, () => chance.below(1_000));
};

describe("the seed of a round", () => {
  let lab: Proxmox;
  beforeAll(async () => {
    lab = await startProxmox({ vms: 20 });
  });
  afterAll(() => lab?.close());

  it("gives the same errands in the same order", async () => {
    const first = await asked(lab, "7 worker killed 1");
    expect(first).toHaveLength(60);
    expect(await asked(lab, "7 worker killed 1")).toEqual(first);
    expect(await asked(lab, "7 worker killed 2")).not.toEqual(first);
    expect(await asked(lab, "7 API killed 1")).not.toEqual(first);
  });

  it("gives the moment and the victims a chance of their own: what the devices draw meanwhile changes nothing", () => {
    const alone = draws("7 worker killed 1", "fault");
    draws("7 worker killed 1", "device");
    expect(draws("7 worker killed 1", "fault")).toEqual(alone);
    expect(draws("7 worker killed 1", "device")).not.toEqual(alone);
  });
});
