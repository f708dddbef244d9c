/** What the API says of a request, in the options of the command that made it. */
import { parsePointer } from "../../model/pointer.ts";
import type { Problem } from "../failure.ts";

/** The option that a part of a request comes from. */
const byPart: Readonly<Record<string, string>> = {
  config: "--set ",
  secrets: "--secret ",
  params: "--param ",
  query: "--",
  name: "--name",
  cursor: "--cursor",
  expires_at: "--expires",
};

const otherwise: readonly (readonly [string, string])[] = [
  ["send confirm: true", "add --yes"],
  ["send force=true", "add --force"],
];

/** `/config/host` as `--set host`; a place that no option leads to as it is. */
const placeInOptions = (pointer: string): string => {
  const [part = "", ...names] = parsePointer(pointer) ?? [];
  const option = byPart[part];
  return option === undefined ? pointer : `${option}${names.join("/")}`;
};

export const inOptions = ({ detail, errors = [], ...problem }: Problem): Problem => {
  const places = errors.map(({ pointer }) => [pointer, placeInOptions(pointer)] as const);
  const words = [...places.filter(([pointer]) => pointer !== ""), ...otherwise];
  return {
    ...problem,
    detail: words.reduce((text, [api, option]) => text.replaceAll(api, option), detail),
    errors: errors.map((error) => ({ ...error, pointer: placeInOptions(error.pointer) })),
  };
};
