/** A bulk walk of a driver through the runner's SNMP transport, against net-snmp in one process, to the same snmpd. */
import snmp, { type Session } from "net-snmp";
import { startSnmpd } from "../../test/kit/snmpd.ts";
import { withDevice } from "../kit/device-stack.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, median } from "../kit/statistics.ts";

const base = "1.3.6.1.4.1.8072.9999.7";
const rows = 9_700;

/** As a table of counters and texts would answer. */
const table = (): string =>
  Array.from({ length: rows }, (_, at) => {
    const name = `.${base}.1.${(at % 10) + 1}.${Math.trunc(at / 10) + 1}`;
    return at % 10 < 7
      ? `override ${name} counter ${at * 7_919}`
      : `override ${name} octet_str "port ${at} of the switch"`;
  }).join("\n");

const walk = (session: Session): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let count = 0;
  session.subtree(
    base,
    // As many as the transport asks for.
    30,
    (found) => {
      count += found.length;
    },
    (error) => (error ? reject(error) : resolve(count)),
  );
  return promise;
};

const timed = async (work: () => Promise<number>): Promise<number> => {
  const from = performance.now();
  const size = await work();
  if (size !== rows) throw new Error(`expected ${rows} values, got ${size}`);
  return performance.now() - from;
};

export const snmpWalkRow: Measure = {
  name: "snmp-walk",
  run: async ({ size }): Promise<Row[]> => {
    await using snmpd = await startSnmpd({ more: table() });
    const { port, readCommunity: community } = snmpd;
    const session = snmp.createSession("127.0.0.1", community, { port, version: snmp.Version2c });
    const device = { config: { host: "127.0.0.1", snmp_port: port }, secrets: { community } };
    try {
      return await withDevice(device, async (measure) => {
        const [ours, raw]: [number[], number[]] = [[], []];
        const count = size(3, 1);
        for (let round = 0; round <= size(7, 2); round += 1) {
          const plain: number[] = [];
          for (let index = 0; index < count; index += 1) plain.push(await timed(() => walk(session)));
          const { samples, size: found } = await measure("bench.snmp", { oid: base, count });
          if (found !== rows) throw new Error(`expected ${rows} values from the driver, got ${found}`);
          raw.push(median(plain));
          ours.push(median(samples));
        }
        const [a, b] = [ours.slice(1), raw.slice(1)];
        const note = `ms: ${listed(a, 0)}; net-snmp ${listed(b, 0)}`;
        const facts = { name: `SNMP walk of ${rows} values through the transport, against net-snmp`, unit: "x", note };
        return [atMost(facts, median(a.map((value, index) => value / (b[index] ?? value))), 1.3)];
      });
    } finally {
      session.close();
    }
  },
};
