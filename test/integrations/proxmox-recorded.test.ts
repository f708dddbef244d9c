/** The Proxmox VE driver reads every recorded answer that it can meet, and the lab answers as the API describes. */
import { Agent, request } from "undici";
import { describe, expect, it } from "vitest";
import { dataOf } from "../../integrations/walnut.proxmox.ve/answer.ts";
import {
  currentOf,
  exitOf,
  guestsOf,
  guestTarget,
  hostsOf,
  hostTarget,
  logLinesOf,
  privilegesOf,
  runningTasksOf,
} from "../../integrations/walnut.proxmox.ve/resources.ts";
import { asTargets } from "../../src/model/dry-run.ts";
import type { Json } from "../../src/model/json.ts";
import { type Bench, startBench } from "../kit/proxmox.ts";
import { hasRecorded, readRecorded } from "../kit/responses.ts";

interface Recorded {
  readonly method: string;
  readonly path_pattern: string;
  readonly status: number;
  readonly body: unknown;
}

const file = "pve/responses-pve8x.json";
const schemaFile = "pve/apidata-9.1.slim.json";
const targetsOf = (data: unknown): void => {
  const guests = guestsOf(data).map(guestTarget);
  for (const type of ["vm", "container"]) {
    asTargets(guests.filter((guest) => guest.type === type) as unknown as Json, type);
  }
  asTargets(hostsOf(data).map(hostTarget) as unknown as Json, "host");
  expect(guests.length + hostsOf(data).length).toBeGreaterThan(0);
};
const statuses = ["running", "stopped", "suspended"];

/** Each path that the driver reads, and what its reader must make of any answer there. */
const readers: readonly (readonly [path: RegExp, reads: (data: unknown) => void])[] = [
  [/^\/cluster\/resources$/, targetsOf],
  [/^\/nodes$/, (data) => expect(hostsOf(data).map(hostTarget)[0]).toMatchObject({ attrs: { status: "online" } })],
  [
    /^\/access\/permissions$/,
    (data) => expect(privilegesOf(data, Object.keys(data as object)[0] ?? "/").size).toBeGreaterThan(0),
  ],
  [/^\/nodes\/\w+\/(qemu|lxc)\/\d+\/status\/current$/, (data) => expect(statuses).toContain(currentOf(data).status)],
  [/^\/nodes\/\w+\/tasks\/.+\/status$/, (data) => expect([null, "OK", "some error occurred"]).toContain(exitOf(data))],
  [/^\/nodes\/\w+\/tasks\/.+\/log$/, (data) => expect(logLinesOf(data)).toHaveLength((data as unknown[]).length)],
  [/^\/nodes\/\w+\/tasks$/, (data) => expect(runningTasksOf(data)).toBeInstanceOf(Array)],
];

const plain = (pattern: string): string => pattern.replace(/^\^/, "").replace(/\$$/, "");

describe.skipIf(!hasRecorded(file))("recorded answers of 8.x", () => {
  const answers = hasRecorded(file) ? (readRecorded(file) as Recorded[]) : [];
  const met = answers.flatMap((answer) => {
    const path = plain(answer.path_pattern);
    const reader = readers.find(([pattern]) => pattern.test(path));
    return answer.method === "GET" && reader !== undefined ? [{ path, answer, reads: reader[1] }] : [];
  });

  it("are there for most of what the driver reads", () => {
    const seen = readers.filter(([pattern]) => met.some(({ path }) => pattern.test(path)));
    expect(seen.length).toBeGreaterThanOrEqual(6);
  });

  it.each(met.map(({ path, answer, reads }, index) => ({ name: `${index} ${path}`, answer, reads })))(
    "$name",
    ({ answer, reads }) => reads(dataOf({ status: answer.status, body: JSON.stringify(answer.body) }, "a read")),
  );

  it("without data are refused as something else than the API", () => {
    const version = answers.find(({ path_pattern }) => path_pattern === "^/version$");
    expect(() => dataOf({ status: 200, body: JSON.stringify(version?.body ?? null) }, "GET /version")).toThrow(/data/);
  });
});

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema & { readonly optional?: number }>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
}
interface Described {
  readonly path?: string;
  readonly children?: readonly Described[];
  readonly info?: Readonly<Record<string, { readonly returns: Schema }>>;
}
const flat = (nodes: readonly Described[]): Described[] =>
  nodes.flatMap((node) => [node, ...flat(node.children ?? [])]);

const typeFits: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
  boolean: (value) => value === 0 || value === 1 || typeof value === "boolean",
};
/** Where a value does not have the described shape. Members that are not described are let pass, as the API does. */
const misfits = (value: unknown, schema: Schema, at: string): string[] => {
  if (schema.items !== undefined) {
    return (value as unknown[]).flatMap((item, index) => misfits(item, schema.items ?? {}, `${at}/${index}`));
  }
  if (schema.properties !== undefined) {
    const members = value as Record<string, unknown>;
    return Object.entries(schema.properties).flatMap(([name, inner]) => {
      if (members[name] !== undefined) return misfits(members[name], inner, `${at}/${name}`);
      return inner.optional === 1 ? [] : [`${at}/${name} is missing`];
    });
  }
  const isRight = typeFits[schema.type ?? ""]?.(value) ?? true;
  return isRight && (schema.enum?.includes(value) ?? true) ? [] : [`${at} is ${JSON.stringify(value)}`];
};

/** One call as the admin. */
const fetchFrom = async (bench: Bench, path: string, method = "GET") => {
  const dispatcher = new Agent({ connect: { ca: bench.lab.caPem } });
  const headers = { authorization: `PVEAPIToken=${bench.lab.tokens.admin.value}` };
  const response = await request(`${bench.lab.url}${path}`, { method, headers, dispatcher });
  const { data } = (await response.body.json()) as { data: unknown };
  await dispatcher.close();
  return data;
};

describe.skipIf(!hasRecorded(schemaFile))("the lab", () => {
  it("answers with the shapes that the API describes", async () => {
    const described = flat(readRecorded(schemaFile) as Described[]);
    const bench = await startBench();
    const upid = "{upid}";
    const paths: readonly (readonly [template: string, path: string])[] = [
      ["/version", "/version"],
      ["/nodes", "/nodes"],
      ["/cluster/resources", "/cluster/resources"],
      ["/cluster/status", "/cluster/status"],
      ["/access/permissions", "/access/permissions"],
      ["/nodes/{node}/status", "/nodes/pve1/status"],
      ["/nodes/{node}/qemu", "/nodes/pve1/qemu"],
      ["/nodes/{node}/lxc", "/nodes/pve1/lxc"],
      ["/nodes/{node}/qemu/{vmid}/status/current", "/nodes/pve1/qemu/100/status/current"],
      ["/nodes/{node}/lxc/{vmid}/status/current", "/nodes/pve1/lxc/200/status/current"],
      ["/nodes/{node}/tasks", "/nodes/pve1/tasks?source=all"],
      ["/nodes/{node}/tasks/{upid}/status", `/nodes/pve1/tasks/${upid}/status`],
      ["/nodes/{node}/tasks/{upid}/log", `/nodes/pve1/tasks/${upid}/log`],
    ];
    const started = await fetchFrom(bench, "/nodes/pve1/qemu/100/status/stop", "POST");
    for (const [template, path] of paths) {
      const schema = described.find((node) => node.path === template)?.info?.["GET"]?.returns;
      expect(schema, template).toBeDefined();
      const data = await fetchFrom(bench, path.replace(upid, String(started)));
      expect(misfits(data, schema ?? {}, template)).toEqual([]);
    }
    await bench.close();
  });
});
