/** Loaded into each process of a system before anything else: tells how late its event loop was, since SIGUSR2. */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 10;
const everyMs = 1_000;
const dir = process.env["BENCH_DELAYS"];

const watch = (folder: string): void => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  process.on("SIGUSR2", () => histogram.reset());
  const msOf = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const write = (): void => {
    const delays = {
      p50: msOf(histogram.percentile(50)),
      p99: msOf(histogram.percentile(99)),
      max: msOf(histogram.max),
    };
    writeFileSync(`${folder}/${process.pid}.json`, JSON.stringify({ title: process.title, ...delays }));
  };
  setInterval(write, everyMs).unref();
};

if (dir !== undefined) watch(dir);
