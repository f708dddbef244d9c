/** Why a plan may not be applied, in words for a person. */
import { isJsonObject, type Json } from "./json.ts";
import type { DryRunResult, Precondition } from "./plan.ts";

/** Longest reason of one precondition that is told with others, in characters. */
const maxReason = 200;

const textOf = (details: Json): string => {
  const told = isJsonObject(details) ? (details["message"] ?? details) : details;
  const text = typeof told === "string" ? told.trim().replace(/\.$/, "") : JSON.stringify(told);
  return text.length > maxReason ? `${text.slice(0, maxReason)}...` : text;
};

/** A precondition by its name, with the reason that the driver gives. */
export const withReason = ({ check, details }: Precondition): string =>
  details === undefined || details === null ? check : `${check} (${textOf(details)})`;

type Blockable = Pick<DryRunResult, "preconditions" | "ok" | "reason"> & { readonly severity: string };

/** Null when it may: all preconditions hold, and the driver says neither that it is not ok nor `error`. */
export const whyBlocked = ({ preconditions, ok, severity, reason }: Blockable): string | null => {
  const failed = preconditions.filter((one) => !one.ok);
  if (failed.length === 0 && severity !== "error" && ok) return null;
  if (reason !== undefined) return reason;
  if (failed.length === 0) return "The driver says that it cannot be applied, and gives no reason.";
  return `These preconditions do not hold: ${failed.map(withReason).join(", ")}.`;
};
