/** A door to a small switch, for tests of shells. */
import type { JsonObject } from "../../src/model/json.ts";
import type { Door, TransportsDeps } from "../../src/transports/transports.ts";
import { devicePassword } from "./ssh-device.ts";
import { enablePassword, type SwitchDevice, type SwitchOptions, startSwitch } from "./switch-device.ts";
import { type BenchFacts, openBench } from "./transport-bench.ts";

const session = {
  setup: ["no page"],
  enable: "{secret:enable_password}",
  config: ["configure", "end"],
  errors: ["Invalid input*", "*not allowed*"],
};
interface BlockChanges {
  readonly session?: JsonObject;
  readonly redact?: readonly string[];
}
const facts = (port: number, more: Partial<BenchFacts>, { session: changes = {}, redact = [] }: BlockChanges) => ({
  transports: {
    ssh: {
      host: "{host}",
      port: "{port}",
      username: "admin",
      password: "{secret:password}",
      session: { ...session, ...changes },
      reads: ["show *"],
      redact,
    },
  },
  config: { host: "127.0.0.1", port },
  secrets: { password: devicePassword, enable_password: enablePassword },
  capability: { writes: ["interface *", "power-over-ethernet", "no power-over-ethernet", "reload", "erase *"] },
  defaults: { http: { retries: 0 }, transports: { ssh: { timeout_s: 5 } } },
  ...more,
});
export const withSwitch = async <T>(
  work: (device: SwitchDevice, bench: ReturnType<typeof openBench>) => Promise<T>,
  {
    device: deviceOptions = {},
    more = {},
    shell = {},
    redact = [],
    deps = {},
  }: {
    device?: SwitchOptions;
    more?: Partial<BenchFacts>;
    shell?: JsonObject;
    redact?: readonly string[];
    deps?: Partial<TransportsDeps>;
  } = {},
): Promise<T> => {
  await using device = await startSwitch(deviceOptions);
  await using bench = openBench(facts(device.port, more, { session: shell, redact }), { deps });
  return await work(device, bench);
};
/** One line over the driver's session. */
export const line = (door: Door, command: string, more: JsonObject = {}): Promise<{ stdout: string; prompt: string }> =>
  door.ask("ssh.line", { command, ...more }) as Promise<{ stdout: string; prompt: string }>;

/** A step that switches the power of a range of ports off. */
export const off = (range: string): JsonObject => ({
  transport: "ssh",
  commands: ["configure", `interface ${range}`, "no power-over-ethernet", "end"],
});
