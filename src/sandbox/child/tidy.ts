/** Gives memory back while a sandbox waits for its next call: a large answer must not weigh on an idle process. */

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/** Who worked less than this since the last time left too little behind to be worth the pause. */
const worthwhileMicroseconds = 50_000;

/** Collects what the calls since the last time left behind; the first time, what starting left. */
export const createTidy = (): (() => void) => {
  const { gc: collect } = globalThis as { gc?: Collect };
  const { cpuUsage } = process;
  let tidied: NodeJS.CpuUsage | undefined;
  return () => {
    if (tidied !== undefined && cpuUsage(tidied).user < worthwhileMicroseconds) return;
    collect?.({ type: "major", execution: "sync", flavor: "last-resort" });
    tidied = cpuUsage();
  };
};
