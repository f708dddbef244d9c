/** The few numbers that a list of samples is told by. */

/** The value below which the share `part` (0 to 1) of the samples lies. */
export const quantile = (samples: readonly number[], part: number): number => {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
};

export const median = (samples: readonly number[]): number => {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

/** `12.3 / 14.5 / 13.0` */
export const listed = (samples: readonly number[], digits = 2): string =>
  samples.map((value) => value.toFixed(digits)).join(" / ");

/** Jobs per second between the first and the last of these times (ms), leaving out the share `skip` at the front. */
export const rateOf = (times: readonly number[], skip: number): number => {
  const sorted = times.toSorted((a, b) => a - b).slice(Math.floor(times.length * skip));
  const spanMs = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0);
  return ((sorted.length - 1) * 1000) / spanMs;
};
