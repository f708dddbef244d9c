/** The whole system with the shipped ArubaOS-Switch pack, and instances of simulated switches. */
import type { Aoss } from "../../lab/aoss.ts";
import { instanceOf } from "../../test/kit/aoss.ts";
import { callerOf } from "../../test/kit/caller.ts";
import { startSystem } from "../../test/kit/system.ts";
import { until } from "./until.ts";

const switchType = "com.aruba.aoss";

export interface Switch {
  /** Reads the ports anew, and answers how many there are. */
  refresh(): Promise<number>;
}

export interface SwitchSystem extends AsyncDisposable {
  add(name: string, lab: Aoss): Promise<Switch>;
}

export const startSwitchSystem = async (): Promise<SwitchSystem> => {
  const system = await startSystem({ env: { SWITCHYARD_LOG: "error" } });
  await until(async () => {
    const { body } = await system.call("GET", `/api/integrations/types/${switchType}`);
    return body["status"] === "valid";
  }, `${switchType} to be installed`);
  const caller = callerOf(system);
  return {
    add: async (name, lab) => {
      const { config, secrets } = instanceOf(lab);
      const path = `/api/integrations/instances/${await caller.addInstance(switchType, name, config, secrets)}`;
      return {
        refresh: async () => {
          const asked = `${path}/inventory?type=port&refresh=true&active_only=false`;
          const answer = await system.call<{ items: unknown[] }>("GET", asked, undefined, { prefer: "wait=50" });
          if (answer.status !== 200) throw new Error(`the refresh failed: ${JSON.stringify(answer.body)}`);
          return answer.body.items.length;
        },
      };
    },
    [Symbol.asyncDispose]: () => system.dispose(),
  };
};
