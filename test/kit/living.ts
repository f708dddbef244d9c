/** Reads of processes that may end at any moment: one that is gone has nothing to show. */

const isGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");

/** What is read of a process, or `otherwise` when it ended before that. Any other error is thrown on. */
export const ofLiving = <T>(read: () => T, otherwise: T): T => {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return otherwise;
    throw error;
  }
};
