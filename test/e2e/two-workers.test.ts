/** Two workers that take jobs from one queue at the same moment: a line at a target is served by admission all the same. */
import { describe, expect, it } from "vitest";
import type { JobView } from "../kit/caller.ts";
import { usePowerBench } from "../kit/power-bench.ts";

const rounds = 20;
const perRound = 10;

describe("actions on one target", () => {
  const bench = usePowerBench({ env: { SWITCHYARD_WORKERS: "2" } });
  const { act, fresh, seen } = bench;

  it("are done in the order in which they were asked for, whichever worker has them", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const target = fresh();
      const asked: string[] = [];
      for (let n = 0; n < perRound; n += 1) {
        const { body } = await act({ capability: "vm.queue", verb: "add", target, params: { n } }, { wait: 0 });
        asked.push(body.id);
      }
      const ended: JobView[] = await Promise.all(asked.map((id) => bench.caller.settled(id)));
      expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
      const sent = seen().filter(({ method, url }) => method === "POST" && url.includes(`/${target}/`));
      expect(sent.map(({ body }) => JSON.parse(body).n)).toEqual(Array.from({ length: perRound }, (_, n) => n));
    }
  }, 120_000);
});
