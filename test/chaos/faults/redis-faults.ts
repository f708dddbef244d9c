/** Faults of Redis: killed, silent, or without its memory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectRedis, untilReady } from "../../../src/redis.ts";
import { type Fault, onSqlite } from "../kit/fault.ts";
import type { Stack } from "../kit/stack.ts";

const redisOf = ({ system }: Stack): number => Number(readFileSync(join(system.dataDir, "redis", "redis.pid"), "utf8"));

const killed: Fault = {
  name: "Redis killed",
  shape: onSqlite,
  async strike(stack) {
    process.kill(redisOf(stack), "SIGKILL");
  },
};

const paused: Fault = {
  name: "Redis paused",
  shape: onSqlite,
  async strike(stack, { pace }) {
    const pid = redisOf(stack);
    process.kill(pid, "SIGSTOP");
    await pause(pace.silentMs);
    process.kill(pid, "SIGCONT");
  },
};

const flushed: Fault = {
  name: "Redis flushed",
  shape: onSqlite,
  async strike({ system }) {
    const redis = connectRedis(join(system.dataDir, "redis", "redis.sock"), { role: "producer" });
    await untilReady(redis, 5_000);
    await redis.flushall();
    redis.disconnect();
  },
};

export const redisFaults: readonly Fault[] = [killed, paused, flushed];
