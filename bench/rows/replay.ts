/** A thousand recorded calls of a driver, replayed in a sandbox that has yet to start. */
import { join } from "node:path";
import { readPack } from "../../src/recording/pack.ts";
import { readRecordings } from "../../src/recording/recordings.ts";
import { replay } from "../../src/recording/replay.ts";
import { openStage } from "../../src/recording/stage.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, median } from "../kit/statistics.ts";

const folder = join(import.meta.dirname, "..", "..", "integrations", "prometheus");

const once = async (count: number): Promise<number> => {
  const now = (): number => performance.now();
  const { signal } = new AbortController();
  const pack = await readPack(folder);
  const [first] = readRecordings(folder);
  if (first === undefined) throw new Error("Expected a recording beside the pack.");
  const { head, calls } = first.recording;
  const many = Array.from({ length: count }, (_, index) => calls[index % calls.length] ?? []).flat();
  const startedAt = now();
  const stage = await openStage({ now });
  try {
    const replayed = await replay({ stage, pack, recording: { head, calls: many }, now, signal });
    const differing = replayed.filter(({ differences }) => differences.length > 0);
    if (differing.length > 0) throw new Error(`${differing.length} calls differ: ${differing[0]?.differences[0]}`);
    return (now() - startedAt) / 1_000;
  } finally {
    await stage.close();
  }
};

export const replayRow: Measure = {
  name: "replay",
  run: async ({ size }): Promise<Row[]> => {
    const count = size(1_000, 100);
    const seconds: number[] = [];
    for (let round = 0; round < size(3, 1); round += 1) seconds.push(await once(count));
    const facts = { name: `replay of ${count} recorded calls`, unit: "s", note: listed(seconds) };
    return [atMost(facts, median(seconds), 5)];
  },
};
