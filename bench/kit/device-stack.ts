/** The system with one instance of a device behind ssh or SNMP, and the driver's own measure of its reads. */
import { deviceType, writeDevicePack } from "./device-pack.ts";
import { type Stack, withStack } from "./stack.ts";
import { until } from "./until.ts";

interface Device {
  readonly config: object;
  readonly secrets: object;
}

interface Measured {
  readonly samples: readonly number[];
  readonly size: number;
}

/** Lets the driver read so many times, and answers how long each took in ms, and how much came. */
export type Measure = (capability: string, params: object) => Promise<Measured>;

const addDevice = async ({ call }: Stack, { config, secrets }: Device): Promise<string> => {
  await until(async () => {
    const { body } = await call("GET", `/api/integrations/types/${deviceType}`);
    if (body["status"] === "invalid") throw new Error(`the benchmark's pack is invalid: ${JSON.stringify(body)}`);
    return body["status"] === "valid";
  }, "the benchmark's pack to be installed");
  const asked = { type_id: deviceType, name: "device", config, secrets };
  const { status, body } = await call<{ instance_id: string }>("POST", "/api/integrations/instances", asked);
  if (status !== 201) throw new Error(`the instance was refused: ${JSON.stringify(body)}`);
  return body.instance_id;
};

export const withDevice = <T>(device: Device, work: (measure: Measure) => Promise<T>): Promise<T> =>
  withStack({ writePacks: writeDevicePack }, async (stack) => {
    await stack.startWorker();
    const path = `/api/integrations/instances/${await addDevice(stack, device)}/actions`;
    return work(async (capability, params) => {
      const asked = { capability, verb: "get", target: { type: "device", id: "1" }, params };
      const { status, body } = await stack.call("POST", path, asked, 60);
      if (status !== 200) throw new Error(`the driver's reads failed: ${JSON.stringify(body)}`);
      return (body["result"] as { details: Measured }).details;
    });
  });
