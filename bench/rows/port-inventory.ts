/** The port inventory of a switch whose agent has 3,500 objects, over the API; and when that agent is dead. */
import { startAoss } from "../../lab/aoss.ts";
import { type Switch, startSwitchSystem } from "../kit/one-switch.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, quantile } from "../kit/statistics.ts";

const objects = 3_500;
const ports = 48;

/** As a large switch tells it: many interfaces beside its ports, each with its columns. */
const walk = (): string => {
  const [table, more] = ["1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"];
  const self = ["1.3.6.1.2.1.1.1.0|4|Aruba JL256A 2930F-48G-PoE+-4SFP+ Switch, revision WC.16.11.0012, ROM WC.16.01"];
  const rows = Math.ceil((objects - self.length) / 14);
  const interfaces = Array.from({ length: rows }, (_, at) => {
    const index = at + 1;
    const [name, type] = index <= ports ? [String(index), 6] : [`VLAN${index}`, 53];
    return [
      ...[`${table}.1.${index}|2|${index}`, `${table}.2.${index}|4|${name}`, `${table}.3.${index}|2|${type}`],
      ...[4, 5, 10, 14, 16, 20].map((column) => `${table}.${column}.${index}|65|${index * 7_919}`),
      ...[`${table}.7.${index}|2|1`, `${table}.8.${index}|2|${1 + (index % 2)}`],
      ...[`${more}.1.${index}|4|${name}`, `${more}.15.${index}|66|1000`, `${more}.18.${index}|4|desk ${index}`],
    ];
  });
  return [...self, ...interfaces.flat()].slice(0, objects).join("\n");
};

const refreshes = async ({ refresh }: Switch, count: number): Promise<number[]> => {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    const found = await refresh();
    if (found !== ports) throw new Error(`expected ${ports} ports, got ${found}`);
    samples.push(performance.now() - from);
  }
  return samples;
};

export const portInventoryRow: Measure = {
  name: "port-inventory",
  run: async ({ size }): Promise<Row[]> => {
    const [recorded, dying] = [await startAoss({ walk: walk() }), await startAoss()];
    await using system = await startSwitchSystem();
    try {
      const samples = await refreshes(await system.add("recorded", recorded), size(15, 3));
      const other = await system.add("dying", dying);
      dying.setSnmpAway(true);
      const from = performance.now();
      const found = await other.refresh();
      const deadMs = performance.now() - from;
      const p95 = quantile(samples, 0.95);
      const name = `port inventory of a walk of ${objects} objects, end to end, p95`;
      return [
        atMost({ name, unit: "ms", note: `ms, the first with a cold sandbox: ${listed(samples, 0)}` }, p95, 2_000),
        atMost(
          { name: "the same with a dead SNMP agent, over ssh", unit: "s", note: `${found} ports` },
          deadMs / 1000,
          15,
        ),
      ];
    } finally {
      await Promise.all([recorded.close(), dying.close()]);
    }
  },
};
