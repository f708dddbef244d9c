/** A store that is away for a while, as against one that refuses. */
import { SwitchyardError } from "../errors.ts";

/** Another try may succeed. */
export const isOutage = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && thrown.code === "store_unavailable";
