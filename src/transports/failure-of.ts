/** What a failed driver call is: a named error of the driver, else the transport's last failure. */
import { asSwitchyardError, SwitchyardError } from "../errors.ts";
import type { Door } from "./contract.ts";

export const failureOf = (door: Pick<Door, "lastFailure">, thrown: unknown): SwitchyardError => {
  const error = asSwitchyardError(thrown, "driver_failed");
  const last = error.code === "driver_failed" ? door.lastFailure : null;
  if (!last) return error;
  const { at } = error.details;
  return new SwitchyardError(last.code, {
    detail: last.message,
    details: { ...last.details, driver_message: error.message, ...(at === undefined ? {} : { at }) },
    cause: thrown,
  });
};
