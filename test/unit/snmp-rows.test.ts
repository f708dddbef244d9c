/** Rows of an agent made longer or wrong: still of the form in which an agent's rows come. */
import { expect, it } from "vitest";
import type { Json } from "../../src/model/json.ts";
import { createSnmpClient, type SnmpRow } from "../../src/sdk/snmp-client.ts";
import { grownTable, noRows, nulledRows, turnedRows } from "../../src/testing/snmp-rows.ts";

const column = (number: number, types: number[], values: Json[], hex: number[] = []): Json => ({
  base: `1.3.6.1.2.1.2.2.1.${number}.`,
  names: values.map((_, at) => String(at + 1)),
  ...{ types, values, hex },
});
const table: Json = [
  column(2, [4, 4], ["port 1", "port 2"]),
  column(6, [4, 4], ["00aa01", "00aa02"], [0, 1]),
  column(8, [2, 2], [1, 1]),
];

const rowsIn = (answer: Json | undefined): Promise<readonly SnmpRow[]> =>
  createSnmpClient(async () => answer, "snmp").table("1.3.6.1.2.1.2.2.1", [2, 6, 8]);

it("gives copies of rows an index and a name of their own, in every column alike", async () => {
  const rows = await rowsIn(grownTable({ columns: [2, 6, 8] }, table));
  expect(rows.length).toBeGreaterThan(10_000);
  expect(new Set(rows.map(({ index }) => index)).size).toBe(rows.length);
  expect(new Set(rows.map(({ columns }) => columns[2]?.value)).size).toBe(rows.length);
  expect(rows[2]).toMatchObject({ index: "100001", columns: { 2: { value: "port 100001" }, 8: { value: 1 } } });
  expect(rows[3]?.columns[6]?.bytes()).toEqual(Buffer.from("00aa02", "hex"));
});

it("makes a walk longer column by column, and leaves alone what there is only one of", () => {
  const names = ["1.0", "2.1", "2.2", "8.1", "8.2"];
  const walk: Json = { base: "1.3.", names, types: [4, 4, 4, 2, 2], values: ["sys", "a", "b", 1, 2], hex: [] };
  const grown = grownTable({ oid: "1.3" }, walk) as { names: string[]; values: Json[] };
  expect(grown.names.length).toBeGreaterThan(9_000);
  expect(grown.names.slice(0, 4)).toEqual(["1.0", "2.1", "2.2", "2.100001"]);
  expect(grown.values.slice(0, 4)).toEqual(["sys", "a", "b", "a-1"]);
  const columns = grown.names.map((name) => name.split(".")[0]);
  expect(columns).toEqual([...columns].sort());
});

it("makes nothing of single values, empty tables and what is no agent's", () => {
  const single: Json = { base: "", names: ["1.3.1"], types: [4], values: ["x"], hex: [] };
  expect(grownTable({ oids: ["1.3.1"] }, single)).toBeUndefined();
  expect(grownTable({ columns: [2] }, [column(2, [], [])])).toBeUndefined();
  expect([grownTable({}, { stdout: "x" }), turnedRows({ body: "[]" }), noRows([])]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

it("puts values of other types, and none, where there were some", async () => {
  const [turned] = await rowsIn(turnedRows(table));
  expect(turned?.columns).toMatchObject({
    2: { type: "Integer", value: 42 },
    8: { type: "OctetString", value: "perhaps" },
  });
  const [nulled] = await rowsIn(nulledRows(table));
  expect(nulled?.columns[2]).toMatchObject({ type: "NoSuchInstance", value: null });
  expect(await rowsIn(noRows(table))).toEqual([]);
});
