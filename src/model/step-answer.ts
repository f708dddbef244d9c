/** What the answer of a step says about the step itself. */
import { isJsonObject } from "./json.ts";
import type { StepAnswer } from "./plan.ts";

/** False for a step of which it is known that no byte of it left: nothing happened on the device. */
export const wasSent = ({ answer }: StepAnswer): boolean => !(isJsonObject(answer) && answer["sent"] === false);
