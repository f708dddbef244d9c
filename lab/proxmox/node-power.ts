/** What happens to a node that is told to shut down or to reboot. */
import { setTimeout as sleep } from "node:timers/promises";
import { invalidParameters } from "./api-error.ts";
import type { Cluster, ClusterNode } from "./cluster.ts";

const goDown = async (cluster: Cluster, node: ClusterNode): Promise<void> => {
  await sleep(cluster.taskMs, undefined, { ref: false });
  for (const guest of cluster.guests.values()) if (guest.node === node.name) guest.state = "stopped";
  node.online = false;
  cluster.changed();
};

const comeBack = async (cluster: Cluster, node: ClusterNode): Promise<void> => {
  await sleep(cluster.taskMs, undefined, { ref: false });
  node.bootedAt = cluster.now();
  node.online = true;
};

/** Obeys at once and answers nothing: a node has no task for its own end. */
export const powerNode = (cluster: Cluster, node: ClusterNode, command: string | undefined): null => {
  if (command !== "shutdown" && command !== "reboot") {
    const seen = command === undefined ? "property is missing and it is not optional" : undefined;
    throw invalidParameters({
      command: seen ?? `value '${command}' does not have a value in the enumeration 'reboot, shutdown'`,
    });
  }
  void goDown(cluster, node).then(() => (command === "reboot" ? comeBack(cluster, node) : undefined));
  return null;
};
