/** Which type a word means: several may have chosen the same name, and a name may be another's id. */
import { describe, expect, it } from "vitest";
import { findType, findWholeType } from "../../src/cli/client/find.ts";
import type { Client } from "../../src/cli/client/http.ts";

const types = [
  { id: "com.stranger.light", name: "proxmox.ve" },
  { id: "proxmox.ve", name: "Proxmox VE" },
  { id: "com.first.lamp", name: "Lamp" },
  { id: "com.second.lamp", name: "Lamp" },
];
const api = { read: async () => types } as unknown as Client;

describe.each([
  ["findType", findType],
  ["findWholeType", findWholeType],
])("%s", (_, find) => {
  const found = (asked: string): Promise<string> => find(api, asked).then(({ id }) => id);

  it("takes an id before the name that another type has", async () => {
    expect(await found("proxmox.ve")).toBe("proxmox.ve");
    expect(await found("Proxmox.VE")).toBe("proxmox.ve");
  });

  it("takes a name that only one has", async () => {
    expect(await found("proxmox ve")).toBe("proxmox.ve");
  });

  it.each(["Lamp", "lamp"])("refuses %s, which two have, with their ids", async (asked) => {
    const problem = { detail: `2 integration types are called "${asked}": com.first.lamp, com.second.lamp.` };
    await expect(found(asked)).rejects.toMatchObject({ exitCode: 2, problem, hints: ["Give the id."] });
  });

  it("names ids that are near to what nobody is called", async () => {
    const hints = expect.arrayContaining([expect.stringContaining("com.first.lamp")]);
    await expect(found("com.first.lamb")).rejects.toMatchObject({ exitCode: 4, hints });
  });
});

it("takes the beginning of an id, but not where something would be taken away", async () => {
  expect(await findType(api, "com.stranger")).toMatchObject({ id: "com.stranger.light" });
  await expect(findWholeType(api, "com.stranger")).rejects.toMatchObject({ exitCode: 4 });
});
