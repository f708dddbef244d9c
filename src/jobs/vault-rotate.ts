/** vault.rotate: another master key seals every secret, and the old one is not used any more. */
import type { Json } from "../model/json.ts";
import type { JobContext } from "./context.ts";

export const rotateVault = async ({ upkeep, emit, signal }: JobContext): Promise<Json> =>
  upkeep.rotateKey({ signal, say: (message) => emit("rotate", "info", message) });
