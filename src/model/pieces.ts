/** Many short pieces of text put together: as many as a text may have are joined now and then, so that they do not pile up. */

export interface Pieces {
  add(piece: string): void;
  text(): string;
}

const mostLoose = 4_096;

export const gather = (): Pieces => {
  const joined: string[] = [];
  let loose: string[] = [];
  return {
    add(piece) {
      loose.push(piece);
      if (loose.length < mostLoose) return;
      joined.push(loose.join(""));
      loose = [];
    },
    text: () => joined.join("") + loose.join(""),
  };
};
