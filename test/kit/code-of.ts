/** The code with which something is refused; `accepted` when it is not. */
export const codeOf = (act: () => unknown): string => {
  try {
    act();
    return "accepted";
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
};
