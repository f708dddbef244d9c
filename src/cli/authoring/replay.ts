/** `replay <folder>`: the driver on its recordings, without a network. */
import { resolve } from "node:path";
import { readPack } from "../../recording/pack.ts";
import { readRecordings } from "../../recording/recordings.ts";
import { type ReplayedCall, replay as replayRecording } from "../../recording/replay.ts";
import { openStage } from "../../recording/stage.ts";
import type { Alone } from "../alone.ts";
import { call } from "../called.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { printJson } from "../session.ts";
import { folderOf } from "./terms.ts";

export interface ReplayOptions {
  readonly file: readonly string[];
}

const print = ({ terminal }: Alone, name: string, calls: readonly ReplayedCall[]): void => {
  for (const { call: asked, differences } of calls) {
    terminal.print(`${differences.length === 0 ? "ok  " : "FAIL"} ${name}: ${asked}`);
    for (const difference of differences) terminal.print(`       ${difference}`);
  }
};

export const replay = async (
  alone: Alone,
  [path = ""]: readonly string[],
  { file }: ReplayOptions,
): Promise<ExitCode> => {
  const { cwd, now, signal } = alone;
  const folder = folderOf(alone, path);
  const pack = await readPack(folder);
  const recordings = readRecordings(
    folder,
    file.map((one) => resolve(cwd, one)),
  );
  if (recordings.length === 0) {
    throw usage(`${folder} has no recordings.`, [
      `Make one: ${call("record", path, "--set", "...", "--call", "test_connection")}`,
    ]);
  }
  const stage = await openStage({ now });
  try {
    const replayed: { file: string; calls: readonly ReplayedCall[] }[] = [];
    for (const { name, recording } of recordings) {
      const calls = await replayRecording({ stage, pack, recording, now, signal });
      replayed.push({ file: name, calls });
      if (!alone.isJson) print(alone, name, calls);
    }
    if (alone.isJson) printJson(alone, replayed);
    const isSame = replayed.every(({ calls }) => calls.every(({ differences }) => differences.length === 0));
    return isSame ? exitCodes.succeeded : exitCodes.failed;
  } finally {
    await stage.close();
  }
};
