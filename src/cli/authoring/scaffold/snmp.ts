/** A driver over SNMP: the table of interfaces, which every agent has, to begin with. */
import type { TransportTexts } from "./texts.ts";

const column = (number: number, type: number, value: string): string =>
  `{ base: "1.3.6.1.2.1.2.2.1.${number}.", names: ["1"], types: [${type}], values: [${value}], hex: [] }`;

const described = { base: "", names: ["1.3.6.1.2.1.1.1.0"], types: [4], values: ["A device"], hex: [] };
const cell = (number: number, type: number, value: string | number) => ({
  ...{ base: `1.3.6.1.2.1.2.2.1.${number}.`, names: ["1"], types: [type], values: [value], hex: [] },
});

export const snmp: TransportTexts = {
  required: ["hostname", "snmp_community"],
  fields: [
    "hostname: { type: string, minLength: 1, title: Host, description: Name or address of the device. }",
    "snmp_port: { type: integer, minimum: 1, maximum: 65535, default: 161, title: SNMP port }",
    "snmp_community: { type: string, secret: true, title: Community }",
  ],
  block: ["snmp:", '  host: "{hostname}"', '  port: "{snmp_port}"', '  community: "{secret:snmp_community}"'],
  test: "test: { method: driver }",
  writes: () => "SET 1.3.6.1.2.1.2.2.1.7.*",
  probe: [
    "const startedAt = Date.now();",
    'const [description] = await this.transports.snmp.get(["1.3.6.1.2.1.1.1.0"]);',
    'const details = { description: String(description?.value ?? "") };',
    'return { status: "connected" as const, latency_ms: Date.now() - startedAt, details };',
  ],
  list: (_, { on, off }) => [
    "// The table of interfaces: description and administrative state.",
    'const rows = await this.transports.snmp.table("1.3.6.1.2.1.2.2.1", [2, 7]);',
    "return rows.map(({ index, columns }) => ({",
    "  id: index,",
    '  name: String(columns[2]?.value ?? ""),',
    `  state: columns[7]?.value === 1 ? "${on}" : "${off}",`,
    "}));",
  ],
  step: (_, { verb }) => `{
            transport: "snmp",
            set: [{ oid: \`1.3.6.1.2.1.2.2.1.7.\${target.id}\`, type: "Integer", value: verb === "${verb}" ? 1 : 2 }],
          }`,
  saysNumbers: true,
  kind: "snmp",
  answers: () => ({
    "snmp.get": '{ base: "", names: ["1.3.6.1.2.1.1.1.0"], types: [4], values: ["A device"], hex: [] }',
    "snmp.table": `[${column(2, 4, '"First"')}, ${column(7, 2, "2")}]`,
    apply: "[{ set: [], error: null }]",
  }),
  device: { hostname: "device.example", snmp_port: 161 },
  probed: () => ({
    exchanges: [[{ op: "snmp.get", oids: ["1.3.6.1.2.1.1.1.0"] }, described]],
    details: { description: "A device" },
  }),
  listed: () => [
    [{ op: "snmp.table", oid: "1.3.6.1.2.1.2.2.1", columns: [2, 7] }, [cell(2, 4, "First"), cell(7, 2, 2)]],
  ],
  secretNames: ["snmp_community"],
  config: '{ hostname: "device.example", snmp_port: 161 }',
  secrets: '{ snmp_community: "[secret:snmp_community]" }',
};
