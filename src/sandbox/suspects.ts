/** Instances whose sandbox wore out time or memory: for a while, their next ones stand back from the beginning. */

export interface Suspects {
  /** A sandbox of the instance ended for this reason. */
  note(instanceId: string, code: string): void;
  has(instanceId: string): boolean;
}

const suspectMs = 60_000;
const wornOut: ReadonlySet<string> = new Set(["sandbox_out_of_memory", "timed_out"]);

export const createSuspects = (now: () => number): Suspects => {
  const until = new Map<string, number>();
  const forgetOld = (): void => {
    for (const [id, at] of until) if (at < now()) until.delete(id);
  };
  return {
    note: (instanceId, code) => {
      forgetOld();
      if (wornOut.has(code)) until.set(instanceId, now() + suspectMs);
    },
    has: (instanceId) => (until.get(instanceId) ?? 0) >= now(),
  };
};
