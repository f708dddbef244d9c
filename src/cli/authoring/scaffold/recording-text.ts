/** A first recording, of a device that nobody has: it shows the form, and what the new driver does can be replayed. */
import { type Exchange, formatVersion, recordingText } from "../../../recording/format.ts";
import type { Choices } from "./choices.ts";
import { pythonTextsOf } from "./python/transport.ts";
import { listedStates } from "./states.ts";
import type { MadeUp } from "./texts.ts";
import { textsOf } from "./transport.ts";

const exchangesOf = (transport: string, madeUp: readonly MadeUp[], from: number): readonly Exchange[] =>
  madeUp.map(([request, answer], index) => ({ seq: from + index, transport, request, answer, ms: 3 }));

/** What a list asks of the device differs where the two languages have other means. */
const listedBy = ({ language, transport, target }: Choices): readonly MadeUp[] => {
  const own = language === "python" ? pythonTextsOf[transport].listed : undefined;
  return own ?? textsOf[transport].listed(target);
};

/** Of the one target that the made-up device has. */
export const madeUpState = (choices: Choices): string =>
  textsOf[choices.transport].saysNumbers === true ? listedStates(choices).off : "off";

export const madeUpText = (choices: Choices): string => {
  const { id, transport, target, coreVersion } = choices;
  const { device, probed, secretNames = [] } = textsOf[transport];
  const { exchanges, details } = probed(target);
  const thing = { type: target, external_id: "1", name: "First", attrs: { state: madeUpState(choices) }, labels: {} };
  return recordingText({
    head: {
      ...{ switchyard_recording: formatVersion, made_up: true, core: coreVersion },
      ...{ pack: { id, version: "0.1.0", digest: "" }, config: device, secrets: secretNames },
      recorded_at: new Date(0).toISOString(),
    },
    calls: [
      {
        call: "test_connection",
        exchanges: exchangesOf(transport, exchanges, 1),
        result: { status: "connected", latency_ms: 3, ...(details === undefined ? {} : { details }) },
      },
      {
        call: `inventory_list type=${target}`,
        exchanges: exchangesOf(transport, listedBy(choices), exchanges.length + 1),
        result: [thing],
      },
    ],
  });
};
