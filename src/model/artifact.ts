/** Artifacts: files that a job keeps beside its result. */

export interface Artifact {
  readonly name: string;
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  readonly createdAt: number;
}

/** Most bytes of one artifact. */
export const maxArtifactBytes = 16 * 1024 * 1024;
/** Most artifacts of one job. */
export const maxArtifacts = 20;

/** Whether a name can stand in a path as it is. */
export const isArtifactName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
