/** Names of ports and ranges of them: of switches by themselves, modular ones and stacks. */
import { describe, expect, it } from "vitest";
import {
  comparePorts,
  nameOf,
  type Port,
  parsePorts,
  portOf,
  rangesOf,
} from "../../integrations/com.aruba.aoss/ports.ts";
import { interfaceOf, joinPoe } from "../../integrations/com.aruba.aoss/snmp/join.ts";
import { type Chance, chanceOf } from "../kit/random.ts";

const names = (text: string): string[] => parsePorts(text).map(nameOf);

describe("a port", () => {
  it.each([
    ["24", { member: null, slot: null, number: 24 }],
    ["A1", { member: null, slot: "A", number: 1 }],
    ["1/24", { member: 1, slot: null, number: 24 }],
    ["2/B4", { member: 2, slot: "B", number: 4 }],
    ["1/1/24", { member: 1, slot: "1", number: 24 }],
  ])("%s is known", (text, port) => {
    expect(portOf(text)).toEqual(port);
    expect(nameOf(port)).toBe(text);
  });

  it.each([
    "",
    "0",
    "A0",
    "01",
    "1/0",
    "0/1",
    "Trk1",
    "A",
    "1/2/3/4",
    "1/",
    "/1",
    "A1B",
    "vlan 1",
    "1 2",
    "999",
    "17/1",
    "a1",
    "1;2",
  ])("is not %j", (text) => expect(portOf(text)).toBeNull());
});

describe("a list", () => {
  it("is written out in order, each port once", () => {
    expect(names("1/7,1/1-1/4,2/B4,1/3")).toEqual(["1/1", "1/2", "1/3", "1/4", "1/7", "2/B4"]);
    expect(names("A2-A4,A1")).toEqual(["A1", "A2", "A3", "A4"]);
    expect(names("9-11")).toEqual(["9", "10", "11"]);
  });

  it.each([
    ["1/1-2/4", /runs across members/],
    ["A1-B4", /runs across modules/],
    ["1/A1-1/B4", /runs across modules/],
    ["4-1", /runs backwards/],
    ["1,,2", /an entry is empty/],
    ["", /an entry is empty/],
    ["1/1-4", /across members/],
    ["1-2-3", /neither a port nor a range/],
    ["1, 2", /neither a port nor a range/],
    ["Trk1", /neither a port nor a range/],
    ["1;reload", /neither a port nor a range/],
    ["1/1,5", /some ports name a member/],
  ])("%j is refused with the reason", (text, reason) => {
    expect(() => parsePorts(text)).toThrow(
      expect.objectContaining({ code: "target_not_found", message: expect.stringMatching(reason) }),
    );
  });
});

/** Ports of one switch: all with a member or all without, with modules of letters, of numbers, or none. */
const somePorts = (chance: Chance): Port[] => {
  const isStack = chance.once(2);
  const slots = chance.pick<readonly (string | null)[]>(
    isStack ? [[null], ["A", "B"], ["1"], [null, "A"]] : [[null], ["A", "B", "L"]],
  );
  return Array.from({ length: 1 + chance.below(40) }, () => ({
    member: isStack ? 1 + chance.below(9) : null,
    slot: chance.pick(slots),
    number: 1 + chance.below(52),
  }));
};

describe("ranges", () => {
  it("hold exactly the ports they were made of, whatever these are", () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const ports = somePorts(chanceOf(seed));
      const wanted = [...new Map(ports.map((port) => [nameOf(port), port])).values()].sort(comparePorts).map(nameOf);
      expect([seed, names(rangesOf([...parsePorts(ports.map(nameOf).join(","))]).join(","))]).toEqual([seed, wanted]);
    }
  });

  it("stay within a member and a module, and none could be joined to another", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const ranges = rangesOf(parsePorts(somePorts(chanceOf(seed)).map(nameOf).join(",")));
      const ends = ranges.map((range) => parsePorts(range)).map((ports) => [ports[0], ports.at(-1)] as const);
      for (const [at, [first, last]] of ends.entries()) {
        expect([first?.member, first?.slot]).toEqual([last?.member, last?.slot]);
        const next = ends[at + 1]?.[0];
        const isTouching =
          next?.member === last?.member && next?.slot === last?.slot && next?.number === (last?.number ?? 0) + 1;
        expect([seed, isTouching]).toEqual([seed, false]);
      }
    }
  });

  it("are never read from texts that are none, and nothing but a named refusal comes of these", () => {
    const letters = "0123456789/-,ABab Trk;\n*";
    for (let seed = 1; seed <= 3_000; seed += 1) {
      const chance = chanceOf(seed);
      const text = Array.from({ length: chance.below(14) }, () => letters[chance.below(letters.length)] ?? "").join("");
      try {
        const ports = parsePorts(text);
        expect(text).toMatch(/^[\dA-Z/,-]+$/);
        expect(parsePorts(ports.map(nameOf).join(","))).toEqual(ports);
      } catch (thrown) {
        expect([text, (thrown as { code?: string }).code]).toEqual([text, "target_not_found"]);
      }
    }
  });
});

const interfaces = (named: readonly (readonly [number, string])[]) =>
  named.map(([index, name]) => interfaceOf(index, name)).filter((each) => each !== null);

describe("rows of power", () => {
  const stack = interfaces([
    [1, "1/1"],
    [2, "1/2"],
    [33, "2/1"],
    [34, "2/2"],
  ]);

  it("are joined by the interface's index, or by the number within the group", () => {
    expect(
      joinPoe(
        [
          { group: 1, port: 2 },
          { group: 2, port: 33 },
        ],
        stack,
      ),
    ).toEqual(["1/2", "2/1"]);
    expect(
      joinPoe(
        [
          { group: 1, port: 2 },
          { group: 2, port: 1 },
        ],
        stack,
      ),
    ).toEqual(["1/2", "2/1"]);
    const modular = interfaces([
      [1, "A1"],
      [25, "B1"],
    ]);
    expect(joinPoe([{ group: 2, port: 25 }], modular)).toEqual(["B1"]);
    expect(joinPoe([{ group: 2, port: 1 }], modular)).toEqual(["B1"]);
  });

  it("are not joined when one fits no rule, when two meet at one interface, or when the rules disagree", () => {
    expect(
      joinPoe(
        [
          { group: 1, port: 1 },
          { group: 3, port: 1 },
        ],
        stack,
      ),
    ).toBeNull();
    expect(
      joinPoe(
        [
          { group: 1, port: 1 },
          { group: 2, port: 99 },
        ],
        stack,
      ),
    ).toBeNull();
    expect(
      joinPoe(
        [
          { group: 1, port: 1 },
          { group: 1, port: 1 },
        ],
        stack,
      ),
    ).toBeNull();
    const shifted = interfaces([
      [1, "1/2"],
      [2, "1/1"],
    ]);
    expect(
      joinPoe(
        [
          { group: 1, port: 1 },
          { group: 1, port: 2 },
        ],
        shifted,
      ),
    ).toBeNull();
  });
});
