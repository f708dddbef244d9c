/** `record <folder>`: the driver against a real device, through the real transports, written down. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { asSwitchyardError } from "../../errors.ts";
import { maskOf, minSecretLength } from "../../model/handle.ts";
import { isJsonObject, type Json, type JsonObject } from "../../model/json.ts";
import { findCapability } from "../../model/manifest.ts";
import { compilePackSchema } from "../../model/schema.ts";
import { withDefaults } from "../../model/schema-defaults.ts";
import { secretParams } from "../../model/secret-params.ts";
import { formatVersion, type RecordedCall, recordingText } from "../../recording/format.ts";
import { type PackAtHand, readPack } from "../../recording/pack.ts";
import { createRecorder, type Said } from "../../recording/recorder.ts";
import { type AskedCall, parseCall, writes } from "../../recording/script.ts";
import { openRealSession } from "../../recording/session.ts";
import { openStage } from "../../recording/stage.ts";
import { withStandIns } from "../../recording/stand-ins.ts";
import type { Alone } from "../alone.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure, usage } from "../failure.ts";
import { printJson } from "../session.ts";
import { secretsOf, valuesOf } from "../values.ts";
import { callLines, eventLine, sayWhenLong } from "./record-lines.ts";
import { madeUpFile } from "./scaffold/made-up.ts";
import { folderOf } from "./terms.ts";

export interface RecordOptions {
  readonly call: readonly string[];
  readonly set: readonly string[];
  readonly secret: readonly string[];
  readonly out?: string;
  readonly allowWrites?: boolean;
  readonly force?: boolean;
}

interface Wish {
  readonly text: string;
  readonly asked: AskedCall;
}

/** A call that cannot be read is a command that is not used as it should be. */
const wishOf = (text: string): Wish => {
  try {
    return { text, asked: parseCall(text) };
  } catch (thrown) {
    throw usage(asSwitchyardError(thrown).message);
  }
};

const wishesOf = ({ call, allowWrites }: RecordOptions): readonly Wish[] => {
  const wishes = call.map(wishOf);
  const writing = wishes.find(({ asked }) => writes(asked));
  if (writing === undefined || allowWrites === true) return wishes;
  throw usage(`The call ${JSON.stringify(writing.text)} writes to the device.`, [
    "If that is wanted: --allow-writes",
    "What it would do can be recorded without: plan instead of run",
  ]);
};

const fileNameOf = ({ text }: Wish): string => `${text.replaceAll(/[^A-Za-z0-9_.]+/g, "-").slice(0, 60)}.jsonl`;

const placeFor = ({ cwd }: Alone, folder: string, { out, force }: RecordOptions, first: Wish): string => {
  const place = out === undefined ? join(folder, "recordings", fileNameOf(first)) : resolve(cwd, out);
  if (force || !existsSync(place)) return place;
  throw usage(`${place} exists already.`, ["To write over it: --force", "To write elsewhere: --out <file>"]);
};

/** As an instance would be refused that is made with these values. */
const requireGood = (schema: JsonObject, values: JsonObject): void => {
  const problems = compilePackSchema(schema)(values);
  if (problems.length === 0) return;
  throw usage(
    `The config is not what the manifest asks for: ${problems.map((p) => `${p.pointer || "/"} ${p.message}`).join("; ")}.`,
  );
};

interface Given {
  readonly config: JsonObject;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
}

const textOf = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

const givenOf = async (alone: Alone, { manifest }: PackAtHand, options: RecordOptions): Promise<Given> => {
  const schema = manifest.schema.connection;
  const config = valuesOf({ pairs: options.set, option: "--set", schema });
  const params: JsonObject = Object.assign({}, ...manifest.capabilities.map(secretParams));
  const own = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const both = { ...schema, properties: { ...params, ...own } };
  const given = await secretsOf(alone, { pairs: options.secret, option: "--secret", schema: both });
  const ofConfig = Object.entries(given).filter(([name]) => Object.hasOwn(own, name));
  requireGood(schema, { ...withDefaults(schema, config), ...Object.fromEntries(ofConfig) });
  return { config, secrets: Object.entries(given).map(([name, value]) => ({ name, value: textOf(value) })) };
};

/** A recording is shared: what its calls say is not secret. */
const requireNoSecret = ({ manifest }: PackAtHand, { asked }: Wish): void => {
  if (!("action" in asked)) return;
  const { capability, texts } = asked.action;
  const found = findCapability(manifest, capability);
  const named = found === undefined ? [] : Object.keys(secretParams(found));
  const told = named.find((name) => texts[name] !== undefined && texts[name] !== maskOf(name));
  if (told === undefined) return;
  throw usage(`${told} of ${capability} is a secret, and a recording keeps its calls as they are written.`, [
    `Write ${told}=${maskOf(told)} in the call, and give its value apart: --secret ${told}=@file`,
  ]);
};

const left = (): CliFailure => {
  const problem = {
    title: "Left as it was",
    detail: "The recording was left: nothing was written down.",
    code: "declined",
  };
  return new CliFailure(exitCodes.interrupted, problem);
};

const recordAll = async (alone: Alone, pack: PackAtHand, given: Given, wishes: readonly Wish[]) => {
  const { signal, now, terminal, isJson } = alone;
  const short = given.secrets.filter(({ value }) => value.length < minSecretLength).map(({ name }) => name);
  if (short.length > 0) {
    terminal.note(
      `${short.join(", ")}: shorter than ${minSecretLength} characters. What a device echoes of it cannot be told from other text: look for it in the recording.`,
    );
  }
  const open = openRealSession({ manifest: pack.manifest, ...given, now });
  const stage = await openStage({ now });
  try {
    const note = (line: string | undefined): void => {
      if (!isJson && line !== undefined) terminal.note(line);
    };
    const onEvent = (event: Said): void => note(eventLine(event, open.book.redact));
    const recorder = createRecorder({ stage, pack, config: given.config, open, now, signal, onEvent });
    const calls: RecordedCall[] = [];
    for (const { text, asked } of wishes) {
      const long = sayWhenLong(text, note);
      const recorded = await recorder.record(text, asked).finally(() => long.stop());
      if (signal.aborted) throw left();
      calls.push(recorded);
      for (const line of callLines(recorded)) note(line);
    }
    return calls;
  } finally {
    open.close();
    await stage.close();
  }
};

export const record = async (
  alone: Alone,
  [path = ""]: readonly string[],
  options: RecordOptions,
): Promise<ExitCode> => {
  const folder = folderOf(alone, path);
  const wishes = wishesOf(options);
  const [first] = wishes;
  if (first === undefined) throw usage("Expected at least one --call.");
  const place = placeFor(alone, folder, options, first);
  const pack = await readPack(folder);
  for (const wish of wishes) requireNoSecret(pack, wish);
  const given = await givenOf(alone, pack, options);
  const calls = await recordAll(alone, pack, given, wishes);
  const { id, version, schema } = pack.manifest;
  const head = {
    ...{ switchyard_recording: formatVersion, core: alone.version, pack: { id, version, digest: pack.digest } },
    // With its defaults: what `redact` names in the requests is found in them too, and a later default changes nothing.
    ...{ config: withDefaults(schema.connection, given.config), secrets: given.secrets.map(({ name }) => name) },
    recorded_at: new Date(alone.now()).toISOString(),
  };
  const recording = withStandIns({ head, calls }, pack.manifest);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, recordingText(recording));
  const isSeen = dirname(place) === join(folder, "recordings") && place.endsWith(".jsonl");
  if (!alone.isJson && !isSeen) {
    alone.terminal.note(
      `replay and check take what lies in ${join(path, "recordings")} and ends in .jsonl: move it there.`,
    );
  }
  const madeUp = join(folder, madeUpFile);
  if (!alone.isJson && place !== madeUp && existsSync(madeUp)) {
    alone.terminal.note(`${relative(alone.cwd, madeUp)} was made up: remove it when this says all that it said.`);
  }
  const failed = calls.filter(({ error }) => error !== undefined).length;
  if (alone.isJson)
    printJson(alone, {
      file: place,
      calls: calls.map(({ exchanges, ...call }) => ({ ...call, requests: exchanges.length })),
    });
  else alone.terminal.print(`Wrote ${relative(alone.cwd, place) || place}. Look through it before you share it.`);
  return failed === 0 ? exitCodes.succeeded : exitCodes.failed;
};
