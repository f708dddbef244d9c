/** What a driver is told that tried to write while it may only read. */
import { SwitchyardError } from "../errors.ts";
import type { Endpoint } from "../model/endpoint.ts";

/** Options and files of a command: a wildcard never stands for them, which is easily taken for a pattern that does not work. */
const isOption = / [-@]/;

/** @param shown the write, without its secrets. */
export const readOnlyViolation = ({ kind }: Pick<Endpoint, "kind">, shown: string): SwitchyardError => {
  const why =
    kind !== "http" && isOption.test(shown)
      ? " What no entry of reads[] names is a write, and there * stands for no word that begins with - or @."
      : "";
  return new SwitchyardError("read_only_violation", {
    detail: `The driver tried the write "${shown}" while it may only read: nothing was sent.${why}`,
  });
};
