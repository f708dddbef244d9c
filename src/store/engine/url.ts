/** Which database a URL means: `postgres://...`, else the path of a SQLite file. */
export const isPostgres = (url: string): boolean => /^postgres(ql)?:\/\//.test(url);
