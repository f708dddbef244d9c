/** The name of a copy: of the form of its model's, and nobody else's. */

const step = 100_000;

/** `qemu/100` becomes `qemu/1000100`-like: what ends in digits stays of that form, so that paths and ids still agree. */
const renamed = (text: string, round: number): string => {
  const digits = /\d+$/.exec(text)?.[0];
  if (digits === undefined) return `${text}-${round}`;
  return `${text.slice(0, -digits.length)}${Number(digits) + round * step}`;
};

/** The copy of this name in this round, from 1; round 0 is the name itself. */
export const numbered = <Name extends string | number>(name: Name, round: number): Name => {
  if (round === 0) return name;
  return (typeof name === "number" ? name + round * step : renamed(name, round)) as Name;
};
