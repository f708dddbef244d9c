/** The worker's lease: while it is held, its transports may write; when it cannot be renewed, nothing passes any more. */
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";

export interface LeaseDeps {
  readonly ttlMs: number;
  readonly everyMs: number;
  /** Monotonic milliseconds: a clock that is set back must not lengthen a lease. */
  readonly monotonic: () => number;
  renew(): Promise<void>;
  onLost(): void;
  onRegained(): void;
  readonly log: Log;
}

export interface Lease {
  /** Checked at each write, so that a worker that was stopped and continued finds out before it sends. */
  readonly isHeld: boolean;
  /** Whether it was lost a short while ago because this process stood still, and not because Redis was out of reach. */
  readonly stoodStill: boolean;
  stop(): void;
}

/** Within it, what ran when the process stood still is given back; what is lost later is lost for another reason. */
const stillCountsMs = 30_000;

const notTaken = (cause: unknown): SwitchyardError => {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SwitchyardError("queue_unavailable", {
    detail: `Expected Redis to take the worker's first lease, but it did not (${reason}); look whether it runs and REDIS_URL is right, then start the worker again.`,
    cause,
  });
};

/**
 * Renews at once and then every `everyMs`; resolves when the first renewal succeeded.
 * @throws SwitchyardError `queue_unavailable` when it did not.
 */
export const startLease = async (deps: LeaseDeps): Promise<Lease> => {
  const { ttlMs, everyMs, monotonic, log } = deps;
  let heldUntil = 0;
  let isLost = true;
  let stoodStillAt = Number.NEGATIVE_INFINITY;
  let beatAt = monotonic();
  const isHeld = (): boolean => monotonic() < heldUntil;

  const renew = async (): Promise<void> => {
    const sentAt = monotonic();
    await deps.renew();
    heldUntil = Math.max(heldUntil, sentAt + ttlMs);
    if (!isLost || !isHeld()) return;
    isLost = false;
    deps.onRegained();
  };
  const notice = (): void => {
    if (isLost || isHeld()) return;
    isLost = true;
    const silentMs = Math.round(monotonic() - beatAt);
    const stoodStill = silentMs >= ttlMs - everyMs;
    stoodStillAt = stoodStill ? monotonic() : Number.NEGATIVE_INFINITY;
    if (stoodStill)
      log.error({ silent_ms: silentMs }, "the worker stood still and lost its lease: transports are shut");
    else log.error({}, "the lease could not be renewed: transports are shut");
    deps.onLost();
  };
  const tick = (): void => {
    notice();
    beatAt = monotonic();
    renew().catch((error: unknown) => {
      log.warn({ err: String(error) }, "the lease was not renewed");
      notice();
    });
  };
  await renew().catch((error: unknown) => {
    throw notTaken(error);
  });
  const timer = setInterval(tick, everyMs);
  return {
    get isHeld() {
      notice();
      return !isLost && isHeld();
    },
    get stoodStill() {
      return monotonic() - stoodStillAt < stillCountsMs;
    },
    stop: () => clearInterval(timer),
  };
};
