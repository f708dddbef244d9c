/** Where a new pack has the recording of a device that nobody has. */

export const madeUpFile = "recordings/made-up.jsonl";
