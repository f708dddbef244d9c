/** What a driver is told whose code opens a connection by itself: a sandbox has no network, the runner asks the device. */
import { SwitchyardError } from "../errors.ts";
import type { JsonObject } from "../model/json.ts";
import { itemsOf } from "../model/transport-block.ts";

/** What to use in the place of libraries that drivers were written with before. */
const instead: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["netmiko", "paramiko", "asyncssh", "scrapli", "fabric"].map((name) => [name, "ssh"])),
  ...Object.fromEntries(["pysnmp", "puresnmp", "easysnmp"].map((name) => [name, "snmp"])),
  ...Object.fromEntries(
    ["httpx", "requests", "urllib3", "urllib", "http", "aiohttp", "httpcore", "anyio"].map((name) => [name, "http"]),
  ),
  ...Object.fromEntries(["telnetlib", "telnetlib3"].map((name) => [name, "telnet"])),
};

const word = (value: unknown): string => (typeof value === "string" ? value.slice(0, 200) : "");

/** Asked by a sandbox that saw it happen; refused like every other endpoint that is not the instance's. */
export const ownSocketRefusal = (asked: JsonObject): SwitchyardError => {
  const [address, at] = [word(asked["address"]), word(asked["at"])];
  const module =
    itemsOf(asked["modules"])
      .map(word)
      .find((name) => Object.hasOwn(instead, name)) ?? "";
  const transport = instead[module];
  const who = transport === undefined ? "The driver" : `The driver's module ${module}`;
  const use =
    transport === undefined
      ? 'http, ssh, snmp or telnet: await transports.get("http")'
      : `await transports.get("${transport}")`;
  return new SwitchyardError("endpoint_not_allowed", {
    detail: `${who} tried to open a connection by itself (${address || "no address"}). A driver has no network of its own, so that modes, writes[] and secrets hold for it: let the runner ask the device, by ${use}.`,
    details: { ...(address && { address }), ...(module && { module }), ...(at && { at }) },
  });
};
