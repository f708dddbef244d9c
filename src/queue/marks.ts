/** Marks that only the sweep looks at: it minds older rows, so they wait for company and share a write. */

export interface Marks {
  add(ids: readonly string[]): void;
  /** Writes what waits, now. */
  flush(): Promise<void>;
}

/** @param options.write marks the rows; what it throws is told to `onFailure`, since the sweep finds them again. */
export const createMarks = (options: {
  readonly afterMs: number;
  write(ids: readonly string[]): Promise<unknown>;
  onFailure(thrown: unknown): void;
}): Marks => {
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const marked = waiting;
    waiting = [];
    if (marked.length > 0) await options.write(marked).catch(options.onFailure);
  };
  return {
    add: (ids) => {
      waiting.push(...ids);
      timer ??= setTimeout(() => void flush(), options.afterMs);
    },
    flush,
  };
};
