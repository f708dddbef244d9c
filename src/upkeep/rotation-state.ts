/** The state of an exchange of keys as text and back. */
import { SwitchyardError } from "../errors.ts";
import type { Rotation } from "../vault/keyring.ts";

const fields = ["from", "to", "forward", "back"] as const;

const isRotation = (value: unknown): value is Rotation => {
  if (typeof value !== "object" || value === null) return false;
  const given = value as Record<string, unknown>;
  return fields.every((name) => typeof given[name] === "string") && /^(spread|reseal)$/.test(String(given["phase"]));
};

/** @throws SwitchyardError `secret_unreadable` when the store holds something else there. */
export const parseRotation = (text: string): Rotation => {
  const value: unknown = JSON.parse(text);
  if (isRotation(value)) return value;
  throw new SwitchyardError("secret_unreadable", {
    detail:
      "What the store says about the exchange of its master key has an unknown form: start the version that began it.",
  });
};

export const writeRotation = (rotation: Rotation): string => JSON.stringify(rotation);
