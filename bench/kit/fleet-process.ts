/** A process that holds a fleet of simulated switches: the agents' work is not the runner's. */
import { startSwitchFleet } from "../../lab/switch-fleet.ts";

const [count = "1000", delayMs = "50"] = process.argv.slice(2);
const { switches, community } = await startSwitchFleet({ count: Number(count), delayMs: Number(delayMs) });
process.send?.({ switches, community });
process.on("disconnect", () => process.exit(0));
