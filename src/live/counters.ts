/** Counts failed logins per address. */
import type { Redis } from "../redis.ts";
import { runScript, type Script } from "./script.ts";

/** ARGV: key, window -> how many in this window. The window begins with the first and does not move. */
const countScript: Script = {
  name: "swCountFailure",
  lua: `
local count = redis.call("INCR", ARGV[1])
if count == 1 then redis.call("PEXPIRE", ARGV[1], ARGV[2]) end
return count
`,
};

/** Counts one more; returns how many there are within the window that the first of them opened. */
export const countFailure = async (redis: Redis, address: string, windowMs: number): Promise<number> =>
  Number(await runScript(redis, countScript, [`sw:failures:${address}`, windowMs]));
