/** The processor of the baseline: BullMQ loads it into a child process of its own. */
module.exports = async () => ({ ok: true });
