/** Gives memory back while a sandbox waits for its next call: a large answer must not weigh on an idle process. */

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

export interface Tidy {
  /** Collects once the process has been idle for a while. */
  soon(): void;
  notNow(): void;
}

const idleMs = 200;
/** Who worked less than this since the last time left too little behind to be worth the pause. */
const worthwhileMicroseconds = 50_000;

export const createTidy = (): Tidy => {
  const { gc: collect } = globalThis as { gc?: Collect };
  const { cpuUsage } = process;
  let timer: NodeJS.Timeout | undefined;
  let tidied = cpuUsage();

  const tidy = (): void => {
    if (cpuUsage(tidied).user < worthwhileMicroseconds) return;
    collect?.({ type: "major", execution: "sync", flavor: "last-resort" });
    tidied = cpuUsage();
  };
  return {
    soon: () => {
      timer = setTimeout(tidy, idleMs);
    },
    notNow: () => clearTimeout(timer),
  };
};
