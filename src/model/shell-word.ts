/** A word as it is typed into a POSIX shell: quoted where the shell would read something else. */

/**
 * The word itself where the shell takes it as it stands, else within single quotes.
 * @example shellWord("rack 3") // 'rack 3', with the quotes
 */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
