/** What a new pack brings along: the device that its recording makes up, and its own tests. */
import { readPack } from "../../src/recording/pack.ts";
import { createTape } from "../../src/recording/player.ts";
import { readRecordings } from "../../src/recording/recordings.ts";
import type { Simulated } from "../../src/testing/index.ts";
import { runOwnTests } from "../../src/testing/own-tests.ts";

export const ownTests = async (folder: string) => {
  const { signal } = new AbortController();
  return runOwnTests(await readPack(folder), { environment: process.env, signal });
};

/** A device that answers as the made-up one of the pack's recording. */
export const madeUpDevice = (folder: string): Simulated => {
  const [{ recording } = { recording: undefined }] = readRecordings(folder);
  const { head, calls } = recording ?? { head: { config: {} }, calls: [] };
  const exchanges = calls.flatMap((call) => call.exchanges);
  const tape = createTape({ call: "", exchanges });
  const secrets = ["token", "password", "snmp_community"];
  return { config: head.config, secrets, answer: (request) => tape.read(request).answer ?? null };
};
