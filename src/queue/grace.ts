/** Waits for something, but not for ever. */

/** Resolves when the work is over, whatever came of it, or when the grace is. */
export const withinGrace = async (work: Promise<unknown>, graceMs: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([work.catch(() => undefined), grace]);
  clearTimeout(timer);
};
