/** A process with a plain HTTP server, for both sides of a comparison: a small answer, one of 1 MB, and one that takes its time. */
import { createServer } from "node:http";

const small = JSON.stringify({ ok: true, data: "y".repeat(200) });
const item = { id: 1, name: "machine", status: "running", description: "z".repeat(60) };
const large = JSON.stringify({ data: Array.from({ length: 8_700 }, (_, id) => ({ ...item, id })) });

const slowMs = 500;

const server = createServer((request, response) => {
  request.resume();
  const body = request.url === "/large" ? large : small;
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  if (request.url === "/slow") setTimeout(() => response.end(body), slowMs);
  else response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.({ port: address.port, bytes: large.length });
});
process.on("disconnect", () => process.exit(0));
