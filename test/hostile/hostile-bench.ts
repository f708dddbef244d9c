/** A whole system with a hostile pack, its device, a neighbour, and canaries that tell when something was reached. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { type Answerer, type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import type { SystemLevel } from "../kit/levels.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { type System, startSystem } from "../kit/system.ts";
import type { Facts } from "./hostile-attempts.ts";
import { hostileId, hostilePack } from "./hostile-driver.ts";

/** The secret of the hostile instance. */
export const hostileToken = "tok-91c4a07be2d55f38";
const prebuilds = fileURLToPath(new URL("../../node_modules/better-sqlite3/prebuilds", import.meta.url));
const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));

const pour: Answerer = (_, response) => {
  const chunk = Buffer.alloc(256 * 1024, 120);
  const more = (): void => {
    let hasRoom = true;
    while (hasRoom && !response.destroyed) hasRoom = response.write(chunk);
  };
  response.on("drain", more);
  more();
};

const answers: Readonly<Record<string, Answerer>> = {
  redirect: ({ url }, response) => {
    const to = new URL(url, "http://device").searchParams.get("to") ?? "/";
    response.writeHead(302, { location: to }).end();
  },
  bomb: (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
  endless: pour,
  proto: (_, response) =>
    void response.end('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  echo: ({ headers }, response) => void response.end(`you sent ${headers["authorization"]}`),
  search: ({ body }, response) => void response.end(`searched ${body}`),
  go: (_, response) => sendJson(response, { id: "../../admin", long: "x".repeat(300), line: "a\nb", fine: "task-1" }),
};

/** What comes to `hold` waits for somebody at `release`. */
const holding = (): Readonly<Record<string, Answerer>> => {
  const held: (() => void)[] = [];
  return {
    hold: (_, response) => void held.push(() => sendJson(response, { ok: true })),
    release: (_, response) => {
      for (const release of held.splice(0)) release();
      sendJson(response, { ok: true });
    },
  };
};

/** A device that answers as badly as its path says. */
const hostileDevice = (): Answerer => {
  const all = { ...answers, ...holding() };
  return (request, response) => {
    const name = new URL(request.url, "http://device").pathname.split("/").at(-1) ?? "";
    const own = Object.hasOwn(all, name) ? all[name] : undefined;
    if (own) own(request, response);
    else sendJson(response, { ok: true });
  };
};

/** What nobody may touch, and what would tell if somebody did. */
const setOut = async () => {
  const folder = mkdtempSync(join(tmpdir(), "hostile-"));
  const contacts: string[] = [];
  const web = createServer((_, response) => response.end("reached"));
  web.on("connection", () => contacts.push("tcp"));
  const udp = createSocket("udp4", () => contacts.push("udp"));
  web.listen(0, "127.0.0.1");
  udp.bind(0, "127.0.0.1");
  await Promise.all([once(web, "listening"), once(udp, "listening")]);
  writeFileSync(join(folder, "other.cjs"), "module.exports = 'ran';");
  return {
    folder,
    contacts,
    canaryPort: (web.address() as AddressInfo).port,
    udpPort: udp.address().port,
    close: () => {
      web.close();
      web.closeAllConnections();
      udp.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

type Canaries = Awaited<ReturnType<typeof setOut>>;

const factsOf = (system: System, canaries: Canaries, more: { own: string; devicePort: number }): Facts => {
  const { dataDir } = system;
  const inFolder = (folder: string, end: string): string =>
    join(dataDir, folder, readdirSync(join(dataDir, folder)).find((name) => name.endsWith(end)) ?? "");
  const addon = readdirSync(prebuilds).find((name) => name.endsWith("linux-x64.node"));
  return {
    dataDir,
    ...more,
    folder: dataDir,
    sdk: "/switchyard/sdk/index.mjs",
    file: join(dataDir, "master.key"),
    database: join(dataDir, "switchyard.db"),
    socket: inFolder("redis", "sock"),
    script: join(canaries.folder, "other.cjs"),
    addon: join(prebuilds, addon ?? ""),
    otherPack: join(inFolder("releases", ""), "plugin.yaml"),
    port: Number(new URL(system.url).port),
    canaryPort: canaries.canaryPort,
    udpPort: canaries.udpPort,
    parent: system.pids("switchyard-worker")[0] ?? 1,
  };
};

export const medianOf = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Its reads by POST need an admin's word: refused without, installed with exactly that. */
const installWithConsent = async (caller: Caller, files: Readonly<Record<string, string>>): Promise<void> => {
  const bytes = await zip(files);
  const asked = await caller.uploadBytes(bytes);
  expect(asked.body.code).toBe("consent_required");
  const { error } = await caller.job(asked.body.job_id ?? "");
  const granted = await caller.uploadBytes(bytes, { query: `?consent=${String(error?.details?.["digest"])}` });
  expect(granted.body).toMatchObject({ state: "succeeded" });
};

export interface EventView {
  readonly phase: string;
  readonly level: string;
  readonly message: string;
  readonly meta: Readonly<Record<string, unknown>>;
}

export interface HostileBench {
  readonly system: System;
  readonly caller: Caller;
  readonly device: HttpDevice;
  readonly contacts: readonly string[];
  readonly facts: Facts;
  /** Id of the instance whose driver is hostile. */
  readonly hostile: string;
  /** Another instance of the hostile pack. */
  addHostile(name: string, config: object): Promise<string>;
  /** How long somebody else waits for a test of a connection, ms; fails when it is not done. */
  neighbourWaits(): Promise<number>;
  /** Does a thing while the neighbour waits beside it, and compares with what it waits when nothing else goes on. */
  beside<T>(act: () => Promise<T>): Promise<T>;
  /** How many times as long the neighbour waited beside all that was done as before each of these; medians of the run. */
  slowdown(): number;
  eventsOf(jobId: string): Promise<readonly EventView[]>;
  close(): Promise<void>;
}

/** What is installed: its id, and what makes it. */
export interface HostilePack {
  readonly id: string;
  files(): Readonly<Record<string, string>>;
}

const usual: HostilePack = { id: hostileId, files: hostilePack };

export const openHostileBench = async ({ level, around }: SystemLevel, pack = usual): Promise<HostileBench> => {
  const canaries = await setOut();
  const device = await startHttp(hostileDevice());
  const system = await startSystem({ around });
  const caller = callerOf(system);
  await installWithConsent(caller, pack.files());
  await caller.install(httpPack("acme.peaceful"));
  const config = { host: "127.0.0.1", port: device.port };
  const addHostile = (name: string, own: object): Promise<string> =>
    caller.addInstance(pack.id, name, own, { token: hostileToken });
  const hostile = await addHostile("hostile", config);
  const neighbour = await caller.addInstance("acme.peaceful", "neighbour", config, { token: "peaceful-token" });
  const type = await system.call<{ release: { digest: string }; sandbox_level: string }>(
    "GET",
    `/api/integrations/types/${pack.id}`,
  );
  expect(type.body.sandbox_level).toBe(level);
  const own = level === "full" ? "/pack" : join(system.dataDir, "releases", type.body.release.digest);
  const neighbourWaits = async (): Promise<number> => {
    const startedAt = performance.now();
    const path = `/api/integrations/instances/${neighbour}/test`;
    expect(await system.call("POST", path, undefined, { prefer: "wait=10" })).toMatchObject({ status: 200 });
    return performance.now() - startedAt;
  };
  const waits = { quiet: [] as number[], beside: [] as number[] };
  return {
    ...{ system, caller, device, hostile, addHostile, neighbourWaits },
    beside: async (act) => {
      waits.quiet.push(await neighbourWaits());
      const done = act();
      const [result, waited] = await Promise.all([done, neighbourWaits()]);
      waits.beside.push(waited);
      return result;
    },
    slowdown: () => medianOf(waits.beside) / medianOf(waits.quiet),
    contacts: canaries.contacts,
    facts: factsOf(system, canaries, { own, devicePort: device.port }),
    eventsOf: async (jobId) => {
      const path = `/api/jobs/${jobId}/events?limit=500`;
      const accept = { accept: "application/json" };
      return (await system.call<{ items: EventView[] }>("GET", path, undefined, accept)).body.items;
    },
    close: async () => {
      await system.dispose();
      await device.close();
      canaries.close();
    },
  };
};
