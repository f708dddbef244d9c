/** What clients ask for while something breaks: installs, tests, refreshes, plans and runs, mixed. */
import type { Chance } from "../../kit/random.ts";
import { shelfId, smallPack } from "./pack.ts";
import type { Stack } from "./stack.ts";

export interface Errand {
  readonly name: string;
  readonly path: string;
  readonly body: object | Buffer;
  /** Its job asks a device something: then a device that fails may fail it. */
  readonly meetsDevice: boolean;
  /** Its writes, as the devices count them; absent when it writes nothing. */
  readonly writes?: Writes;
}

export interface Writes {
  readonly prefix: string;
  /** How many there are when it succeeds. */
  readonly parts: number;
  /** A device may be sent them twice. */
  readonly isRepeatable: boolean;
}

/** Of each kind; at the full size 60 in all. */
export interface Mix {
  readonly installs: number;
  readonly tests: number;
  readonly refreshes: number;
  readonly plans: number;
  readonly runs: number;
  readonly guests: number;
}

export const fullMix: Mix = { installs: 7, tests: 10, refreshes: 6, plans: 12, runs: 20, guests: 5 };
/** Without guests: their driver gives a device five seconds to answer, which a busy machine may not. */
export const smallMix: Mix = { installs: 2, tests: 3, refreshes: 1, plans: 2, runs: 9, guests: 0 };

/** What errands are made of: a stack, or as much of one. */
export type Ground = Pick<Stack, "counting" | "proxmox" | "shelf" | "lab" | "nextNumber">;

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const instancePath = (id: string): string => `/api/integrations/instances/${id}`;

export type InstallName = "install" | "upgrade";

/** A new pack, or an upgrade of a type that has an instance. */
export const install = async (ground: Ground, name: InstallName): Promise<Errand> => {
  const number = ground.nextNumber();
  const body = await (name === "upgrade"
    ? smallPack(shelfId, `1.${number}.0`)
    : smallPack(`chaos.fresh${number}`, "1.0.0"));
  return { name, path: "/api/integrations/types/upload?replace=true", body, meetsDevice: false };
};

const verbs = [
  { capability: "vm.queue", verb: "add", prefix: "queue", parts: 2, isRepeatable: false },
  { capability: "vm.task", verb: "run", prefix: "task", parts: 1, isRepeatable: false },
  { capability: "vm.label", verb: "set", prefix: "label", parts: 2, isRepeatable: false },
  { capability: "vm.sync", verb: "apply", prefix: "sync", parts: 1, isRepeatable: true },
] as const;

/** An action that writes; `index` chooses which one. */
export const act = (ground: Ground, chance: Chance, index: number): Errand => {
  const { capability, verb, prefix, parts, isRepeatable } = verbs[index % verbs.length] ?? verbs[0];
  const n = ground.nextNumber();
  return {
    name: `run ${capability}`,
    path: `${instancePath(chance.pick(ground.counting))}/actions`,
    body: { capability, verb, target: { type: "vm", id: `m${chance.below(12)}` }, params: { n } },
    meetsDevice: true,
    writes: { prefix: `${prefix} ${n} `, parts, isRepeatable },
  };
};

const plan = (ground: Ground, chance: Chance): Errand => ({
  name: "plan",
  path: `${instancePath(chance.pick(ground.counting))}/actions`,
  body: { capability: "vm.queue", verb: "add", target: { type: "vm", id: `m${chance.below(30)}` }, dry_run: true },
  meetsDevice: true,
});

/** Guests of the simulated cluster: each is switched over, and its task followed. */
const guests = (ground: Ground, count: number): Errand[] =>
  [...ground.lab.state.guests.values()]
    .filter(
      ({ kind, lock, ha, quirk, template, state }) =>
        kind === "qemu" && !lock && !ha && !quirk && !template && /^(running|stopped)$/.test(state),
    )
    .toSorted((one, other) => one.startedAt - other.startedAt)
    .slice(0, count)
    .map(({ vmid, state }) => {
      const verb = state === "running" ? "shutdown" : "start";
      return {
        name: `run vm.lifecycle`,
        path: `${instancePath(ground.proxmox)}/actions`,
        meetsDevice: true,
        body: { capability: "vm.lifecycle", verb, target: { type: "vm", id: String(vmid) }, confirm: true },
        writes: { prefix: `guest ${vmid} ${verb}`, parts: 1, isRepeatable: false },
      };
    });

/** In the order in which they are asked for; one install in three is an upgrade. */
export const mixedErrands = async (ground: Ground, chance: Chance, mix: Mix): Promise<Errand[]> => {
  const instances = [...ground.counting, ground.proxmox, ground.shelf];
  const of = (index: number): string => instances[index % instances.length] ?? "";
  const ask = (name: string, index: number, path: string): Errand => ({
    name,
    path: `${instancePath(of(index))}/${path}`,
    body: {},
    meetsDevice: true,
  });
  const installs = await Promise.all(
    times(mix.installs, (index) => install(ground, index % 3 === 0 ? "upgrade" : "install")),
  );
  const errands: Errand[] = [
    ...installs,
    ...times(mix.tests, (index) => ask("test", index, "test")),
    ...times(mix.refreshes, (index) => ask("refresh", index, "inventory/refresh")),
    ...times(mix.plans, () => plan(ground, chance)),
    ...times(mix.runs, (index) => act(ground, chance, index)),
    ...guests(ground, mix.guests),
  ];
  return errands
    .map((errand) => ({ errand, at: chance.below(1_000_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ errand }) => errand);
};
