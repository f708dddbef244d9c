/** Recordings as files: JSON lines, of which the first says what was recorded with what. */
import { SwitchyardError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";

/** Raised whenever a line means something else than before. */
export const formatVersion = 1;

/** The first line. */
export interface RecordingHead {
  readonly switchyard_recording: number;
  /** No device answered this: it shows the form, and proves nothing. */
  readonly made_up?: boolean;
  /** The version of the runner that recorded. */
  readonly core: string;
  readonly pack: { readonly id: string; readonly version: string; readonly digest: string };
  readonly config: JsonObject;
  /** Names of the secrets that were set; their values are nowhere in the file. */
  readonly secrets: readonly string[];
  readonly recorded_at: string;
}

/** An error as it is written down. */
export interface RecordedError {
  readonly code: string;
  readonly message: string;
  readonly details?: JsonObject;
}

/** One request and what came of it. `step` is there when it was a write: its number among the writes of its call. */
export interface Exchange {
  readonly seq: number;
  readonly transport: string;
  readonly request: Json;
  readonly answer?: Json;
  readonly error?: RecordedError;
  readonly ms: number;
  readonly step?: number;
  readonly ok?: boolean;
  readonly status?: number | null;
}

/** What was asked of the driver, what passed meanwhile, and how it ended. */
export interface RecordedCall {
  /** As it was given: `inventory_list type=vm`. */
  readonly call: string;
  readonly exchanges: readonly Exchange[];
  readonly result?: Json;
  readonly error?: RecordedError;
}

export interface Recording {
  readonly head: RecordingHead;
  readonly calls: readonly RecordedCall[];
}

const invalid = (detail: string): SwitchyardError => new SwitchyardError("recording_invalid", { detail });

/** The lines of a recording, each ended. */
export const recordingText = ({ head, calls }: Recording): string =>
  [head, ...calls.flatMap(({ exchanges, result, error, call }) => [{ call }, ...exchanges, endOf({ result, error })])]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");

const endOf = ({ result, error }: { result: Json | undefined; error: RecordedError | undefined }): object =>
  error === undefined ? { result: result ?? null } : { failed: error };

const documentOf = (line: string, index: number, name: string): JsonObject => {
  try {
    const document = JSON.parse(line) as unknown;
    if (isJsonObject(document)) return document;
  } catch {
    // Said below.
  }
  throw invalid(`${name}:${index + 1}: expected a JSON object on each line, got ${JSON.stringify(line.slice(0, 60))}.`);
};

const headOf = (document: JsonObject | undefined, name: string): RecordingHead => {
  const version = document?.["switchyard_recording"];
  if (version === undefined) throw invalid(`${name}: expected a recording, got a file without its first line.`);
  if (version !== formatVersion) {
    throw invalid(
      `${name}: expected a recording of format ${formatVersion}, got ${JSON.stringify(version)}: record it again with \`switchyard record\`, or use the version of Switchyard that made it (${String(document?.["core"] ?? "unknown")}).`,
    );
  }
  const head = document as unknown as RecordingHead;
  if (isJsonObject(head.pack) && isJsonObject(head.config) && Array.isArray(head.secrets)) return head;
  throw invalid(`${name}:1: expected pack, config and secrets on the first line.`);
};

const withLine = (calls: readonly RecordedCall[], line: JsonObject, where: string): readonly RecordedCall[] => {
  if (typeof line["call"] === "string") return [...calls, { call: line["call"], exchanges: [] }];
  const last = calls.at(-1);
  if (last === undefined) throw invalid(`${where}: expected a call before its requests.`);
  const before = calls.slice(0, -1);
  if (line["failed"] !== undefined) return [...before, { ...last, error: line["failed"] as unknown as RecordedError }];
  if (line["result"] !== undefined) return [...before, { ...last, result: line["result"] }];
  if (line["request"] === undefined) throw invalid(`${where}: expected call, request, result or failed.`);
  (last.exchanges as Exchange[]).push(line as unknown as Exchange);
  return calls;
};

/**
 * Reads a recording.
 * @param name how errors call the file.
 * @throws SwitchyardError `recording_invalid`, also when another version of the format made it.
 */
export const parseRecording = (text: string, name: string): Recording => {
  const [first, ...lines] = text.split("\n").filter((line) => line.trim() !== "");
  const head = headOf(first === undefined ? undefined : documentOf(first, 0, name), name);
  let calls: readonly RecordedCall[] = [];
  for (const [index, line] of lines.entries()) {
    calls = withLine(calls, documentOf(line, index + 1, name), `${name}:${index + 2}`);
  }
  return { head, calls };
};
