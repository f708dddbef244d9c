/** The least a sandbox can do: it answers. */
process.on("message", ({ id }) => process.send({ id, value: { ok: true } }));
