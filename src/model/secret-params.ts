/** Which parameters of a capability are secret. */
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Capability } from "./manifest.ts";

/** The schema of each parameter that the capability marks `secret: true`, by name. */
export const secretParams = ({ params }: Pick<Capability, "params">): Readonly<Record<string, JsonObject>> => {
  const properties = params?.["properties"];
  if (!isJsonObject(properties)) return {};
  const marked = Object.entries(properties).flatMap(([name, schema]) =>
    isJsonObject(schema) && schema["secret"] === true ? [[name, schema] as const] : [],
  );
  return Object.fromEntries(marked);
};
