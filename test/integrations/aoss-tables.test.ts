/** Tables of ArubaOS-Switch in both layouts of its firmware, and what is garbage among them. */
import { describe, expect, it } from "vitest";
import { parseInterfacesBrief, speedOf } from "../../integrations/com.aruba.aoss/parse/interfaces.ts";
import { parseLldpSelf } from "../../integrations/com.aruba.aoss/parse/lldp.ts";
import { parsePoeBrief } from "../../integrations/com.aruba.aoss/parse/poe.ts";
import { parseStacking } from "../../integrations/com.aruba.aoss/parse/stack.ts";
import { memberTarget } from "../../integrations/com.aruba.aoss/targets.ts";

const newPoe = ` Status and Counters - Port Power Status

  System Power Status    : No redundancy
  PoE Power Status       : No redundancy

 Available: 370 W  Used: 12 W  Remaining: 358 W

  PoE    Pwr  Pwr      Pre-std Alloc  Alloc  PSE Pwr PD Pwr  PoE Port     PLC PLC
  Port   Enab Priority Detect  Cfg    Actual Rsrvd   Draw    Status       Cls Type
  ------ ---- -------- ------- ------ ------ ------- ------- ------------ --- ----
  1/1    Yes  low      off     usage  lldp   12.1 W  5.8 W   Delivering   3   2
  1/2    Yes  critical off     usage  usage  0.0 W   0.0 W   Searching    0   1
  1/3    No   high     off     value  usage  0.0 W   0.0 W   Disabled     0   1
  2/A4   Yes  low      off     usage  usage  0.0 W   0.0 W   PD Denied    -   -
`;
const oldPoe = ` Status and Counters - Power Status

 Available: 382 W  Used: 6 W  Remaining: 376 W

  PoE    Power  Power    Alloc Alloc Actual Configured  Detection   Power
  Port   Enable Priority By    Power Power  Type        Status      Class
  ------ ------ -------- ----- ----- ------ ----------- ----------- -----
  1      Yes    low      usage 17 W  5.8 W  phone       Delivering  3
  2      No     Critical usage 17 W  0.0 W              Disabled    0
`;

describe("show power-over-ethernet brief", () => {
  it("is read in both its layouts, by the header", () => {
    expect(parsePoeBrief(newPoe)).toMatchObject([
      {
        port: "1/1",
        isEnabled: true,
        priority: "low",
        drawW: 5.8,
        reservedW: 12.1,
        status: "delivering",
        powerClass: 3,
      },
      { port: "1/2", priority: "critical", drawW: 0, status: "searching", powerClass: 0 },
      { port: "1/3", isEnabled: false, priority: "high", allocatedBy: "value", status: "disabled" },
      { port: "2/A4", status: "denied", powerClass: null },
    ]);
    expect(parsePoeBrief(oldPoe)).toMatchObject([
      { port: "1", isEnabled: true, priority: "low", drawW: 5.8, reservedW: 17, status: "delivering", powerClass: 3 },
      { port: "2", isEnabled: false, priority: "critical", drawW: 0, status: "disabled", powerClass: 0 },
    ]);
  });

  it.each([
    ["nothing", ""],
    ["words", "all ports are fine"],
    ["another table", " A   B\n --- ---\n 1   2\n"],
    ["a row that does not keep its columns", newPoe.replace("1/1    Yes ", "1/1   Maybe")],
    ["a row that is cut short", newPoe.replace(/1\/3 .*\n/, "1/3    No\n")],
    ["watts that are none", newPoe.replace("5.8 W ", "many W")],
    ["a port that is none", newPoe.replace("2/A4", "####")],
  ])("that is %s is refused by name, and nothing of it is used", (_, text) => {
    expect(() => parsePoeBrief(text)).toThrow(
      expect.objectContaining({
        code: "protocol_mismatch",
        message: expect.stringContaining("show power-over-ethernet brief"),
      }),
    );
  });

  it("says which command the switch did not take", () => {
    expect(() => parsePoeBrief("Invalid input: power-over-ethernet\n")).toThrow(
      expect.objectContaining({
        code: "device_error",
        message: expect.stringContaining("Invalid input: power-over-ethernet"),
      }),
    );
  });
});

const brief = (lines: readonly string[]): string =>
  [
    "  Status and Counters - Port Status",
    "",
    "                          | Intrusion                           MDI  Flow Bcast",
    "  Port         Type       | Alert     Enabled Status Mode       Mode Ctrl Limit",
    "  ------------ ---------- + --------- ------- ------ ---------- ---- ---- -----",
    ...lines,
  ].join("\n");
const port = (name: string): string =>
  `  ${name.padEnd(12)} 100/1000T  | No        Yes     Up     1000FDx    MDI  off  0`;
const stacking = (ids: readonly string[]): string =>
  [
    " Stack Topology   : Ring",
    "",
    " Mbr",
    " ID  Mac Address   Model                           Pri Status",
    " --- ------------- ------------------------------- --- ----------",
    ...ids.map((id) => `${id.padStart(2).padEnd(4)} 1cc1de-4d48c0 HP J9727A 2920-24G-PoE+ Switch  128 Member`),
  ].join("\n");

describe("a table that goes on behind its end", () => {
  const garbage = (command: string) =>
    expect.objectContaining({ code: "protocol_mismatch", message: expect.stringContaining(command) });

  it.each(["* broken row ###", "Note: of three ports", ""])(
    "after %j is garbage, and none of its rows is used",
    (cut) => {
      const rows = ["1", "2", "3", "4"].map(port);
      expect(parseInterfacesBrief(brief(rows))).toHaveLength(4);
      expect(() => parseInterfacesBrief(brief([...rows.slice(0, 2), cut, ...rows.slice(2)]))).toThrow(
        garbage("show interfaces brief"),
      );
    },
  );

  it.each(["*1/2    Yes", "* 1/2    Yes", " *1/2    Yes"])(
    "by a row that begins as a footnote would (%j) is garbage",
    (row) => {
      expect(() => parsePoeBrief(newPoe.replace("  1/2    Yes", row))).toThrow(
        garbage("show power-over-ethernet brief"),
      );
    },
  );

  it("from its first row on is garbage, and not an empty one", () => {
    expect(parseStacking(stacking(["1", "2"]))).toHaveLength(2);
    expect(() => parseStacking(stacking(["*1", "2"]))).toThrow(garbage("show stacking"));
  });

  it("by a footnote alone, or by another table, is none of that", () => {
    const noted = brief([port("1"), " * third-party transceiver", "", ""]);
    expect(parseInterfacesBrief(noted)).toHaveLength(1);
    expect(parseInterfacesBrief(`${noted}\n${brief([port("A1"), port("A2")])}`)).toHaveLength(3);
  });
});

describe("show stacking", () => {
  const members: readonly (readonly string[])[] = [
    ["1", "1cc1de-4d48c0", "HP J9727A 2920-24G-PoE+ Switch", "200", "Commander"],
    ["2", "1cc1de-4dc740", "HP J9729A 2920-48G-PoE+ Switch", "128", "Standby"],
    ["3", "1cc1de-4dbd40", "HP J9726A 2920-24G Switch", "128", "Missing"],
    ["4", "", "J9728A", "128", "Not Joined"],
  ];
  const widths = [3, 13, 38, 3, 10];
  const row = (cells: readonly string[]): string =>
    ` ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" ")}`;
  const output = (rows: readonly (readonly string[])[]): string =>
    [
      " Stack ID         : 00011cc1-de4d48c0",
      "",
      " MAC Address      : 1cc1de-4d48d0",
      " Stack Topology   : Chain",
      " Stack Status     : Fragment Active",
      " Uptime           : 0d 0h 56m",
      " Software Version : WB.16.10.0009",
      "",
      " Mbr",
      row(["ID", "Mac Address", "Model", "Pri", "Status"]),
      row(widths.map((width) => "-".repeat(width))),
      ...rows.map(row),
      "",
    ].join("\n");

  it("gives each member, also those that are missing or never joined", () => {
    const found = parseStacking(output(members)) ?? [];
    expect(found.map(({ id, mac, product, priority, role }) => [id, mac, product, priority, role])).toEqual([
      ["1", "1cc1de-4d48c0", "J9727A", 200, "commander"],
      ["2", "1cc1de-4dc740", "J9729A", 128, "standby"],
      ["3", "1cc1de-4dbd40", "J9726A", 128, "missing"],
      ["4", "", "J9728A", 128, "not joined"],
    ]);
    expect(found.map((member) => memberTarget(member).attrs["status"])).toEqual([
      ...["present", "present", "missing", "missing"],
    ]);
  });

  it.each([
    ["an id that is none", ["x", "1cc1de-4d48c0", "J9727A", "128", "Member"]],
    ["an address that is none", ["1", "1cc1de4d48c0x", "J9727A", "128", "Member"]],
    ["no status", ["1", "1cc1de-4d48c0", "J9727A", "128", ""]],
  ])("with %s is garbage", (_, cells) => {
    expect(() => parseStacking(output([...members, cells]))).toThrow(
      expect.objectContaining({ code: "protocol_mismatch", message: expect.stringContaining("show stacking") }),
    );
  });

  it.each(["Stacking is disabled.", "Invalid input: stacking"])("is no stack where it says %j", (text) => {
    expect(parseStacking(text)).toBeNull();
  });
});

describe("a table", () => {
  const table = (row: string): string =>
    [
      "  Chassis Id   : 548028-aabb00",
      "",
      "  Port     PortType PortId   PortDesc",
      "  -------- -------- -------- --------",
      row,
    ].join("\n");

  it("of which a word runs across the beginning of a column is garbage, although each half might do", () => {
    expect(parseLldpSelf(table("  1/1      local    1        1/1")).ports).toHaveLength(1);
    expect(() => parseLldpSelf(table("  1/1      interfacename    1/1"))).toThrow(
      expect.objectContaining({ code: "protocol_mismatch", message: expect.stringContaining("interfacename") }),
    );
  });

  it("with a line longer than any is garbage, at once", () => {
    expect(() => parseLldpSelf(table("x".repeat(8 * 1024 * 1024)))).toThrow(
      expect.objectContaining({ code: "protocol_mismatch", message: expect.stringContaining("2000 characters") }),
    );
  });
});

describe("a mode", () => {
  it.each([
    ["1000FDx", { mbps: 1000, duplex: "full" }],
    ["10GigFD", { mbps: 10_000, duplex: "full" }],
    ["10HDx", { mbps: 10, duplex: "half" }],
    ["2500FDx", { mbps: 2500, duplex: "full" }],
    [".", null],
    ["", null],
  ])("%s is the speed %o", (mode, speed) => expect(speedOf(mode)).toEqual(speed));
});
