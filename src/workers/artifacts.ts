/** Files that a driver keeps with its job, and the one that an earlier job of the same purpose kept. */
import { SwitchyardError } from "../errors.ts";
import { type Artifact, isArtifactName, maxArtifactBytes, maxArtifacts } from "../model/artifact.ts";
import type { Job } from "../model/job.ts";
import { shownText, terminalText } from "../model/terminal-text.ts";
import type { SandboxCall } from "../sandbox/pool.ts";
import { lastArtifact, saveArtifact } from "../store/artifacts.ts";
import type { Store } from "../store/store.ts";
import type { Attempt } from "./attempt.ts";

type ArtifactEvent = Extract<Parameters<SandboxCall["onEvent"]>[0], { kind: "artifact" }>;

/** Of all artifacts of one job together. */
const mostBytes = 2 * maxArtifactBytes;
/** Characters of base64 that are looked at for one driver: to look for secrets takes the worker's time. */
const mostLookedAt = 6 * mostBytes;
/** So many refusals are named. */
const mostRefusals = 20;

const sizeText = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;

/** Secrets are replaced in texts, and in anything else as far as its bytes spell them. */
const redacted = (bytes: Buffer, redact: (text: string) => string): Buffer => {
  const text = bytes.toString("utf8");
  const encoding = Buffer.from(text, "utf8").equals(bytes) ? "utf8" : "latin1";
  const plain = encoding === "utf8" ? text : bytes.toString("latin1");
  const clean = redact(plain);
  return clean === plain ? bytes : Buffer.from(clean, encoding);
};

interface KeptArtifact extends Artifact {
  readonly jobId: string;
  readonly content: Buffer;
}

/** Why an artifact is not kept beside the others; undefined when it is. */
const problemWith = (kept: ReadonlyMap<string, KeptArtifact>, { name, size }: KeptArtifact): string | undefined => {
  const others = [...kept.values()].filter((other) => other.name !== name);
  const total = others.reduce((sum, other) => sum + other.size, size);
  if (size > maxArtifactBytes || total > mostBytes) return `it is larger than allowed (${sizeText(size)})`;
  return others.length >= maxArtifacts ? `a job keeps at most ${maxArtifacts}` : undefined;
};

const problemWithName = (name: string, redact: (text: string) => string): string | undefined => {
  if (!isArtifactName(name)) return "a name may hold letters, digits, dots, dashes and underscores";
  return redact(name) === name ? undefined : "its name holds a secret";
};

/** What was taken, by name: a later one replaces an earlier one, and none of them weighs on the worker twice. */
const createShelf = (attempt: Attempt) => {
  const kept = new Map<string, KeptArtifact>();
  return (artifact: KeptArtifact): string | undefined => {
    const problem = problemWith(kept, artifact);
    if (problem !== undefined) return problem;
    if (kept.size === 0) {
      attempt.settleUnits.push(function* () {
        for (const one of kept.values()) yield* saveArtifact(one);
      });
    }
    kept.set(artifact.name, artifact);
    return undefined;
  };
};

/** Takes the artifacts of one attempt: they become true with the job's settlement, and are told of at once. */
export const artifactKeeper = (attempt: Attempt, now: () => number): ((event: ArtifactEvent) => void) => {
  const { emitter, job } = attempt;
  const shelve = createShelf(attempt);
  let lookedAt = 0;
  let refused = 0;

  const refuse = (name: string, problem: string): void => {
    refused += 1;
    if (refused > mostRefusals) return;
    const message = `The artifact ${terminalText(name)} is not kept: ${problem}`;
    const last = refused === mostRefusals ? ". Others that are not kept are not named" : "";
    emitter.emit({ phase: "artifact", level: "warn", message: message + last });
  };
  return ({ name, contentType, base64 }) => {
    lookedAt += base64.length;
    const badName = problemWithName(name, emitter.redact);
    if (badName !== undefined) return refuse(name, badName);
    if (lookedAt > mostLookedAt) return refuse(name, "the driver keeps too much again and again");
    const content = redacted(Buffer.from(base64, "base64"), emitter.redact);
    const size = content.length;
    const type = shownText(emitter.redact(contentType));
    const problem = shelve({ jobId: job.id, name, contentType: type, size, createdAt: now(), content });
    if (problem !== undefined) return refuse(name, problem);
    const meta = { name, size, content_type: type };
    emitter.emit({ phase: "artifact", level: "info", message: `Keeps ${name} (${sizeText(size)})`, meta });
  };
};

const purposeOf = (input: Readonly<Record<string, unknown>>): string =>
  JSON.stringify([input["capability"] ?? null, input["verb"] ?? null]);

/** Answers `artifact.last`: what the last succeeded job of the same instance, capability and verb kept; null when none did. */
export const askForArtifact = async (store: Store, job: Job, args: unknown): Promise<{ base64: string } | null> => {
  const { name } = (args ?? {}) as { name?: unknown };
  if (typeof name !== "string" || !isArtifactName(name)) {
    throw new SwitchyardError("driver_failed", { detail: "Expected the name of an artifact." });
  }
  const { instanceId } = job.subject;
  if (instanceId === undefined) return null;
  const purpose = purposeOf(job.input);
  const wanted = { instanceId, kind: job.kind, name, isSame: (input: object) => purposeOf({ ...input }) === purpose };
  const content = await store.read(() => lastArtifact(wanted));
  return content === undefined ? null : { base64: Buffer.from(content).toString("base64") };
};
