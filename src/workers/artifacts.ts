/** Files that a driver keeps with its job, and the one that an earlier job of the same purpose kept. */
import { SwitchyardError } from "../errors.ts";
import { isArtifactName, maxArtifactBytes, maxArtifacts } from "../model/artifact.ts";
import type { Job } from "../model/job.ts";
import type { SandboxCall } from "../sandbox/pool.ts";
import { lastArtifact, saveArtifact } from "../store/artifacts.ts";
import type { Store } from "../store/store.ts";
import type { Attempt } from "./attempt.ts";

type ArtifactEvent = Extract<Parameters<SandboxCall["onEvent"]>[0], { kind: "artifact" }>;

/** Of all artifacts of one job together. */
const mostBytes = 2 * maxArtifactBytes;

const sizeText = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;

/** Secrets are replaced in texts, and in anything else as far as its bytes spell them. */
const redacted = (bytes: Buffer, redact: (text: string) => string): Buffer => {
  const text = bytes.toString("utf8");
  const encoding = Buffer.from(text, "utf8").equals(bytes) ? "utf8" : "latin1";
  const plain = encoding === "utf8" ? text : bytes.toString("latin1");
  const clean = redact(plain);
  return clean === plain ? bytes : Buffer.from(clean, encoding);
};

/** Takes the artifacts of one attempt: they become true with the job's settlement, and are told of at once. */
export const artifactKeeper = (attempt: Attempt, now: () => number): ((event: ArtifactEvent) => void) => {
  const { emitter, job } = attempt;
  const sizes = new Map<string, number>();
  const problemWith = (name: string, size: number): string | undefined => {
    const others = [...sizes].filter(([other]) => other !== name);
    const total = others.reduce((sum, [, bytes]) => sum + bytes, size);
    if (!isArtifactName(name)) return "a name may hold letters, digits, dots, dashes and underscores";
    if (size > maxArtifactBytes || total > mostBytes) return `it is larger than allowed (${sizeText(size)})`;
    return others.length >= maxArtifacts ? `a job keeps at most ${maxArtifacts}` : undefined;
  };
  return ({ name, contentType, base64 }) => {
    const content = redacted(Buffer.from(base64, "base64"), emitter.redact);
    const problem = problemWith(name, content.length);
    if (problem !== undefined) {
      emitter.emit({ phase: "artifact", level: "warn", message: `The artifact ${name} is not kept: ${problem}` });
      return;
    }
    sizes.set(name, content.length);
    const artifact = { jobId: job.id, name, contentType, size: content.length, createdAt: now(), content };
    attempt.settleUnits.push(() => saveArtifact(artifact));
    const meta = { name, size: content.length, content_type: contentType };
    emitter.emit({ phase: "artifact", level: "info", message: `Keeps ${name} (${sizeText(content.length)})`, meta });
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
