/** Tells a person who asks again from one word that came twice: to the whole group, and from whoever passes it on. */

const echoMs = 1_000;

/** To be asked at each signal to end: whether it is a later one, and so impatience. */
export const impatience = (monotonic: () => number): (() => boolean) => {
  let firstAt: number | undefined;
  return () => {
    const now = monotonic();
    firstAt ??= now;
    return now - firstAt > echoMs;
  };
};
