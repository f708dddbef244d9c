/** A simulated ArubaOS-Switch: its command line over ssh and its SNMP agent, both about the same state. */
import { type AgentFault, startAgent } from "./aoss/agent.ts";
import { createSwitchFaults, type SwitchFaults } from "./aoss/faults.ts";
import { isHostKey, newHostKey, type SshOptions, startSsh } from "./aoss/ssh.ts";
import { createSwitch, type LabSwitch, restart, type SwitchKind } from "./aoss/switch.ts";
import { createTree, type ObjectTree, objectsIn, objectsOf, type PoeCounting } from "./aoss/tree.ts";
import { isPort, listenAgain } from "./kept.ts";

export interface AossOptions {
  /** Default standalone. */
  readonly kind?: SwitchKind;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** What an earlier one was: this one is the same, but for ports that are taken. */
  readonly kept?: Partial<KeptAoss>;
  /** The layout of `show power-over-ethernet brief`; default 16.x. */
  readonly layout?: "15.x" | "16.x";
  /** Default if_index. */
  readonly poeCounting?: PoeCounting;
  /** How long a reboot takes; default 3,000. */
  readonly bootMs?: number;
  /** A recorded walk, as `name|tag|value` lines, that the agent tells in the place of the switch's own state. */
  readonly walk?: string;
  readonly now?: () => number;
}

/** What makes it the switch that its clients know. */
export interface KeptAoss {
  readonly sshPort: number;
  readonly snmpPort: number;
  readonly hostKey: string;
}

export const isKeptAoss = ({ sshPort, snmpPort, hostKey }: KeptAoss): boolean =>
  isPort(sshPort) && isPort(snmpPort) && isHostKey(hostKey);

export const labSecrets = {
  manager: { username: "manager", password: "lab-manager-password" },
  operator: { username: "operator", password: "lab-operator-password" },
  enable: "lab-enable-password",
  community: "lab-community",
  v3: { name: "lab-v3", authKey: "lab-authentication-key", privKey: "lab-encryption-key" },
} as const;

export interface Aoss {
  readonly host: string;
  readonly sshPort: number;
  readonly snmpPort: number;
  /** SHA256:<43 characters>. */
  readonly fingerprint: string;
  /** What the switch holds; may be changed by a test. */
  readonly state: LabSwitch;
  /** Every line that was typed, and those that changed something, with the ports they changed. */
  readonly typed: readonly string[];
  readonly writes: readonly string[];
  readonly faults: SwitchFaults;
  readonly kept: KeptAoss;
  /** ssh connections that were made. */
  readonly connections: () => number;
  /** Silences the agent, or lets it speak again. */
  setSnmpAway(isAway: boolean): void;
  /** Lets the agent misbehave; null: as it should be. */
  setSnmpFault(fault: AgentFault | null): void;
  close(): Promise<void>;
}

const dayMs = 86_400_000;

/** Starts the switch. Everything ends with `close()`. */
export const startAoss = async (options: AossOptions = {}): Promise<Aoss> => {
  const { kind = "standalone", host = "127.0.0.1", layout = "16.x", bootMs = 3_000, now = Date.now } = options;
  const state = createSwitch(kind, now() - 84 * dayMs);
  const faults = createSwitchFaults();
  const typed: string[] = [];
  const writes: string[] = [];
  const recorded = options.walk === undefined ? null : createTree(objectsIn(options.walk));
  const tree = (): ObjectTree => recorded ?? createTree(objectsOf(state, options.poeCounting ?? "if_index", now));
  let boot: NodeJS.Timeout | undefined;

  const { manager, operator, enable, community, v3 } = labSecrets;
  const { kept = {} } = options;
  const { hostKey = newHostKey() } = kept;
  const agent = await listenAgain(kept.snmpPort, (port) => startAgent({ host, port, community, user: v3, tree }));
  const reboot = (): void => {
    ssh.setAway(true);
    agent.setAway(true);
    boot = setTimeout(() => {
      restart(state, now());
      ssh.setAway(false);
      agent.setAway(false);
    }, bootMs);
  };
  const sshOptions: Omit<SshOptions, "port"> = {
    host,
    hostKey,
    users: {
      [manager.username]: { password: manager.password, isManager: true },
      [operator.username]: { password: operator.password, isManager: false },
    },
    cli: { device: state, layout, enablePassword: enable, now, changed: (line) => void writes.push(line) },
    faults,
    typed: (line) => void typed.push(line),
    reboot,
  };
  const ssh = await listenAgain(kept.sshPort, (port) => startSsh({ ...sshOptions, port }));
  return {
    host,
    sshPort: ssh.port,
    snmpPort: agent.port,
    fingerprint: ssh.fingerprint,
    state,
    typed,
    writes,
    faults,
    kept: { sshPort: ssh.port, snmpPort: agent.port, hostKey },
    connections: ssh.connections,
    setSnmpAway: agent.setAway,
    setSnmpFault: agent.setFault,
    close: async () => {
      clearTimeout(boot);
      await Promise.all([ssh.close(), agent.close()]);
    },
  };
};
