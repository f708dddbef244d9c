/** Integration types: what `plugin.yaml` declares, as the runner knows it, and its releases. */
import type { JsonObject } from "./json.ts";
import type { Manifest } from "./manifest.ts";
import type { Quality } from "./quality.ts";

export type TypeStatus = "checking" | "valid" | "invalid" | "superseded" | "unavailable";
export type SandboxLevel = "full" | "degraded";

/** What a driver is written in. */
export type Language = "node" | "python";

export interface IntegrationType {
  readonly id: string;
  readonly status: TypeStatus;
  /** Keyed by kind of fault, as contract section 4 lists them; empty when valid. */
  readonly errors: JsonObject;
  readonly manifest: Manifest;
  readonly language: Language;
  /** Active release. */
  readonly digest: string;
  readonly installedAt: number;
  readonly isShipped: boolean;
  /** A shipped pack that a user removed stays away until it is installed again. */
  readonly isRemoved: boolean;
  readonly permissions: readonly string[];
  readonly signedBy: string | null;
  /** As the pack's own report of a check says; null without one of this very content. */
  readonly quality: Quality | null;
  readonly sandboxLevel: SandboxLevel | null;
  readonly lastValidatedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A type as it is recorded: with the text of its `plugin.yaml`. */
export interface RecordedType extends IntegrationType {
  readonly manifestYaml: string;
}

/** One content of a pack, by digest. */
export interface Release {
  readonly digest: string;
  readonly typeId: string;
  readonly version: string;
  readonly installedAt: number;
  readonly status: TypeStatus;
}

/** One file of a release; `path` is relative, with `/`. */
export interface PackFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}
