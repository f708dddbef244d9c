/** What a driver module offers, as the sandbox tells it: checked, because a driver may have a hand in it. */
import type { SwitchyardError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";

/** Has the shape of the jobs' DriverSurface. */
export interface Surface {
  readonly methods: Readonly<Record<string, number>>;
  readonly handles: Readonly<Record<string, { verbs?: readonly string[]; targets?: readonly string[] }>> | null;
  readonly importError: { readonly message: string; readonly file?: string; readonly line?: number } | null;
  /** Of a driver in Python: what is wrong with a method's parameters. */
  readonly signatures?: Readonly<Record<string, string>>;
}

const namesOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((name) => typeof name === "string") : undefined;

const handleOf = (value: unknown): { verbs?: readonly string[]; targets?: readonly string[] } => {
  if (!isJsonObject(value)) return {};
  const verbs = namesOf(value["verbs"]);
  const targets = namesOf(value["targets"]);
  return { ...(verbs === undefined ? {} : { verbs }), ...(targets === undefined ? {} : { targets }) };
};

const importErrorOf = (value: unknown): Surface["importError"] => {
  if (!isJsonObject(value)) return null;
  const { file, line } = value;
  return {
    message: String(value["message"]),
    ...(typeof file === "string" ? { file } : {}),
    ...(typeof line === "number" ? { line } : {}),
  };
};

const textsOf = (value: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"));

export const surfaceOf = (answer: Json): Surface => {
  const { methods = {}, handles = null, importError = null, signatures } = isJsonObject(answer) ? answer : {};
  const counts = Object.entries(isJsonObject(methods) ? methods : {}).filter(([, count]) => typeof count === "number");
  return {
    methods: Object.fromEntries(counts) as Record<string, number>,
    handles: isJsonObject(handles)
      ? Object.fromEntries(Object.entries(handles).map(([id, value]) => [id, handleOf(value)]))
      : null,
    importError: importErrorOf(importError),
    ...(isJsonObject(signatures) ? { signatures: textsOf(signatures) } : {}),
  };
};

/** A module that hung, crashed or outgrew the sandbox while it was loaded. */
export const unloadable = (error: SwitchyardError): Surface => ({
  methods: {},
  handles: null,
  importError: {
    message:
      error.code === "timed_out"
        ? "The module did not finish loading in time: something at its top level does not end."
        : `The module could not be loaded: ${error.message}`,
  },
});
