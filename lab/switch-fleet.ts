/** Many simulated switches in one process, each an SNMP agent at an address of its own: what a large network costs to watch. */
import { type AgentSide, startAgent } from "./aoss/agent.ts";
import { createSwitch } from "./aoss/switch.ts";
import { createTree, objectsOf } from "./aoss/tree.ts";
import { labSecrets } from "./aoss.ts";

export interface FleetOptions {
  /** At most 25,000. */
  readonly count: number;
  /** How long each answer takes; default 50. */
  readonly delayMs?: number;
  /** The first address is `127.<network>.0.1`; default 10. */
  readonly network?: number;
  readonly now?: () => number;
}

export interface FleetSwitch {
  readonly host: string;
  readonly port: number;
}

export interface SwitchFleet {
  readonly switches: readonly FleetSwitch[];
  readonly community: string;
  /** Requests that came to a switch. */
  asked(index: number): number;
  /** Silences a switch, or lets it speak again. */
  setAway(index: number, isAway: boolean): void;
  close(): Promise<void>;
}

const inNetwork = 250;
const addressOf = (network: number, index: number): string =>
  `127.${network}.${Math.floor(index / inNetwork)}.${1 + (index % inNetwork)}`;

/** Starts them all: 24 copper ports with power and 4 for fibre each, all in the same state. */
export const startSwitchFleet = async (options: FleetOptions): Promise<SwitchFleet> => {
  const { count, delayMs = 50, network = 10, now = Date.now } = options;
  const tree = createTree(objectsOf(createSwitch("standalone", now()), "if_index", now));
  const { community } = labSecrets;
  const hosts = Array.from({ length: count }, (_, index) => addressOf(network, index));
  const facts = { port: 0, community, user: null, tree: () => tree, delayMs };
  const agents: readonly AgentSide[] = await Promise.all(hosts.map((host) => startAgent({ ...facts, host })));
  return {
    switches: hosts.map((host, index) => ({ host, port: agents[index]?.port ?? 0 })),
    community,
    asked: (index) => agents[index]?.asked() ?? 0,
    setAway: (index, isAway) => agents[index]?.setAway(isAway),
    close: async () => {
      await Promise.all(agents.map((agent) => agent.close()));
    },
  };
};
