/** A manifest that may be shown although it is invalid: what has not the expected form is left out. */
import type { FieldProblem } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";
import type { Capability, Manifest } from "../model/manifest.ts";

const text = (value: Json | undefined, otherwise: string): string => (typeof value === "string" ? value : otherwise);
const object = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});

const isSound = (problems: readonly FieldProblem[], part: string): boolean =>
  !problems.some(({ pointer }) => `${pointer}/`.startsWith(`${part}/`));

const soundCapabilities = ({ capabilities }: JsonObject, problems: readonly FieldProblem[]): readonly Capability[] =>
  (Array.isArray(capabilities) ? capabilities : []).filter((_, index) =>
    isSound(problems, `/capabilities/${index}`),
  ) as unknown as Capability[];

const optionalParts = ["description", "transports", "defaults", "test", "requires"] as const;

/**
 * The readable part of an invalid manifest in the shape of a valid one, so that nothing that lists types stumbles.
 * What was really written is kept beside it as YAML.
 */
export const presentable = (id: string, document: JsonObject, problems: readonly FieldProblem[]): Manifest => {
  const kept = optionalParts.filter((part) => document[part] !== undefined && isSound(problems, `/${part}`));
  return {
    id,
    name: text(document["name"], id).slice(0, 100),
    version: text(document["version"], "0.0.0"),
    min_core_version: text(document["min_core_version"], "0.0.0"),
    category: text(document["category"], ""),
    driver: { entrypoint: text(object(document["driver"])["entrypoint"], "") },
    schema: {
      connection: isSound(problems, "/schema") ? object(object(document["schema"])["connection"]) : { type: "object" },
    },
    capabilities: soundCapabilities(document, problems),
    ...Object.fromEntries(kept.map((part) => [part, document[part]])),
  };
};
