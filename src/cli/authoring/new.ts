/** `new <id>`: a folder with a pack that validates, and with a test that passes. */
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { categories } from "../../model/manifest-schema.ts";
import { call } from "../called.ts";
import { paths } from "../client/find.ts";
import type { TypeDocument } from "../client/wire.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure, usage } from "../failure.ts";
import { printJson, type Session } from "../session.ts";
import { oneLine } from "../view/terminal.ts";
import * as chosen from "./scaffold/choices.ts";
import { assertFree, scaffoldFiles, writeScaffold } from "./scaffold/files.ts";

export interface NewOptions {
  readonly dir?: string;
  readonly name?: string;
  readonly category?: string;
  readonly language?: string;
  readonly transport?: string;
  readonly target?: string;
  readonly capability: readonly string[];
}

const patienceMs = 2_000;

/** A server that is known and answers says whether the id is taken; without one nobody knows, and that is no fault. */
const installedTypes = async ({ api, signal }: Session): Promise<readonly TypeDocument[]> => {
  const quiet = new AbortController();
  try {
    const late = delay(patienceMs, [], { signal: AbortSignal.any([signal, quiet.signal]) });
    return await Promise.race([api.read<readonly TypeDocument[]>(paths.types), late]);
  } finally {
    quiet.abort();
  }
};

const assertFreeId = async (session: Session, id: string): Promise<void> => {
  const types = await installedTypes(session).catch(() => []);
  if (!types.some((type) => type.id === id && !type.removed)) return;
  const problem = { title: "There is something already", detail: `The id ${id} is taken by an installed type.` };
  throw new CliFailure(exitCodes.failed, { ...problem, code: "id_taken" }, [`See it with: ${call("types", id)}`]);
};

interface Question<T> {
  readonly given: string | undefined;
  readonly asks: string;
  readonly usual: string;
  check(word: string): T;
}

const left = (): CliFailure =>
  new CliFailure(exitCodes.cancelled, { title: "Left as it was", detail: "Nothing was written.", code: "declined" });

/** The value, or nothing after saying why there is none. */
const taken = <T>({ terminal }: Session, word: string, check: (word: string) => T): T | undefined => {
  try {
    return check(word);
  } catch (thrown) {
    if (!(thrown instanceof CliFailure)) throw thrown;
    for (const line of [thrown.problem.detail, ...thrown.hints]) terminal.note(`  ${oneLine(line)}`);
    return undefined;
  }
};

/** What was given, else what a person answers until it can be taken, else what is usual. */
const answerTo = async <T>(session: Session, { given, asks, usual, check }: Question<T>): Promise<T> => {
  if (given !== undefined || !session.terminal.canAsk) return check(given ?? usual);
  for (;;) {
    const said = await session.terminal.ask(`${asks} [${usual}]: `);
    if (said === undefined) throw left();
    const value = taken(session, said.trim() || usual, check);
    if (value !== undefined) return value;
  }
};

const capabilitiesIn = (text: string): readonly chosen.ChosenCapability[] =>
  text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(chosen.checkedCapability);

/** Each option is one capability; what is typed at the question may be several. */
const assertOneEach = (given: readonly string[]): void => {
  for (const text of given) chosen.checkedCapability(text);
};

const choose = async (session: Session, id: string, options: NewOptions): Promise<chosen.Choices> => {
  const { usual } = chosen;
  assertOneEach(options.capability);
  const plain = (word: string): string => word.slice(0, 100);
  const name = await answerTo(session, { given: options.name, asks: "Name", usual: chosen.nameOf(id), check: plain });
  const category = await answerTo(session, {
    given: options.category,
    asks: `Category (${categories.join(", ")})`,
    usual: usual.category,
    check: chosen.checkedCategory,
  });
  const language = await answerTo(session, {
    given: options.language,
    asks: `Driver in (${chosen.languageNames.join(", ")})`,
    usual: usual.language,
    check: chosen.checkedLanguage,
  });
  const transport = await answerTo(session, {
    given: options.transport,
    asks: `Reached by (${chosen.transportNames.join(", ")})`,
    usual: usual.transport,
    check: chosen.checkedTransport,
  });
  const target = await answerTo(session, {
    given: options.target,
    asks: "What it lists, in the singular",
    usual: usual.target,
    check: chosen.checkedTarget,
  });
  const capabilities = await answerTo(session, {
    given: options.capability.length === 0 ? undefined : options.capability.join(" "),
    asks: `Capabilities with their verbs, such as ${target}.power:on,off`,
    usual: "inventory.list",
    check: (text) => chosen.checkedMethods(language, capabilitiesIn(text)),
  });
  return {
    ...{ id, name, category, language, transport, target },
    capabilities: chosen.withInventory(capabilities),
    className: chosen.classNameOf(id),
    coreVersion: session.version,
  };
};

/** The one choice that has no usual answer. */
const idOf = async (session: Session, given: string | undefined): Promise<string> => {
  if (given !== undefined) return chosen.checkedId(given);
  if (!session.terminal.canAsk) throw usage("Expected an id, such as acme.lamp.");
  for (;;) {
    const said = await session.terminal.ask("Id, such as acme.lamp: ");
    if (said === undefined) throw left();
    const id = taken(session, said.trim(), chosen.checkedId);
    if (id !== undefined) return id;
  }
};

export const newPack = async (
  session: Session,
  [asked]: readonly (string | undefined)[],
  options: NewOptions,
): Promise<ExitCode> => {
  const { terminal, cwd, isJson } = session;
  const id = await idOf(session, asked);
  const shown = options.dir ?? id;
  const folder = resolve(cwd, shown);
  assertFree(folder);
  await assertFreeId(session, id);
  const files = scaffoldFiles(await choose(session, id, options));
  writeScaffold(folder, files);
  if (isJson) {
    printJson(session, { id, folder, files: Object.keys(files).sort() });
    return exitCodes.succeeded;
  }
  terminal.print(`${id} lies in ${shown}. What comes next:`);
  terminal.print(
    `  ${call("record", shown, "--set", "...", "--call", "test_connection")}      what a real device answers`,
  );
  terminal.print(`  ${call("check", shown)}      its test, and what every pack is held to`);
  terminal.print(
    `  ${call("install", shown, "--replace", "--on-change")}      on a running system, again at each change`,
  );
  return exitCodes.succeeded;
};
