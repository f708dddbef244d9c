/** The instance of a simulated device: made once, and left alone while the device is what the instance has. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { canonicalJson, sha256Hex } from "../model/canonical.ts";
import type { JsonObject } from "../model/json.ts";

export interface Device {
  readonly name: string;
  readonly type_id: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Commands worth trying on it, without the program's name. */
  readonly try?: readonly string[];
}

export type Call = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;

interface Shown {
  readonly instance_id: string;
  readonly name: string;
  readonly state: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** When each was set, never what it is. */
  readonly secrets: JsonObject;
}

/** Shipped packs are installed by jobs: the type may need a moment after the first start. */
const typeWaitMs = 60_000;
const path = "/api/integrations/instances";

const untilValid = async (call: Call, typeId: string): Promise<void> => {
  const deadline = performance.now() + typeWaitMs;
  while (performance.now() < deadline) {
    const { body } = await call("GET", `/api/integrations/types/${typeId}`);
    if ((body as { status?: string } | null)?.status === "valid") return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the type ${typeId} did not become valid within ${typeWaitMs / 1000} s`);
};

/** The API tells no secret: this mark holds as long as the device's are those that the instance was last given. */
const markOf = ({ instance_id: id, secrets }: Shown, device: Device): string =>
  sha256Hex(canonicalJson([id, secrets, device.secrets]));

const markFile = (folder: string, { name }: Device): string => join(folder, `${name}.sha256`);

const keptMark = (folder: string, device: Device): string | undefined => {
  try {
    return readFileSync(markFile(folder, device), "utf8").trim();
  } catch {
    return undefined;
  }
};

const keepMark = (folder: string, device: Device, mark: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(markFile(folder, device), `${mark}\n`, { mode: 0o600 });
};

/** What the instance has to be given; what people added to its config stays. */
const missingIn = (existing: Shown, device: Device, mark: string | undefined): object | undefined => {
  const config = { ...existing.config, ...device.config };
  const hasConfig = isDeepStrictEqual(existing.config, config);
  const hasSecrets = markOf(existing, device) === mark;
  if (hasConfig && hasSecrets) return undefined;
  return { ...(hasConfig ? {} : { config }), ...(hasSecrets ? {} : { secrets: device.secrets }) };
};

const save = async (call: Call, device: Device, mark: string | undefined): Promise<Shown | null> => {
  const { name, type_id, config, secrets } = device;
  const known = (await call("GET", path)).body as Shown[];
  const existing = known.find((one) => one.name === name);
  if (existing === undefined)
    return (await call("POST", path, { type_id, name, config, secrets })).body as Shown | null;
  const missing = missingIn(existing, device, mark);
  // A change would hold up every action that waits for the instance until somebody has tested it.
  if (missing === undefined) return existing;
  return (await call("PATCH", `${path}/${existing.instance_id}`, missing)).body as Shown | null;
};

/**
 * Creates the instance, or brings the one of an earlier start to what the device is now; tests it where it is not
 * connected. Answers what came of it.
 * @param folder Where it is kept which secrets the instance was given.
 */
export const presentDevice = async (call: Call, device: Device, folder: string): Promise<string> => {
  const { name } = device;
  await untilValid(call, device.type_id);
  const saved = await save(call, device, keptMark(folder, device));
  if (saved?.instance_id === undefined) {
    throw new Error(`the instance ${name} could not be saved: ${JSON.stringify(saved)}`);
  }
  const { instance_id: id } = saved;
  keepMark(folder, device, markOf(saved, device));
  if (saved.state === "connected") return `${name} (${id}), connected`;
  const { status } = await call("POST", `${path}/${id}/test`);
  return status === 200 ? `${name} (${id}), connected` : `${name} (${id}), its test answered ${status}`;
};
