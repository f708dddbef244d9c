/** A command of a driver through the runner's ssh transport, against ssh2 in one process, to the same warm sshd. */
import ssh2, { type Client } from "ssh2";
import { startSshd, type TestSshd } from "../../test/kit/sshd.ts";
import { withDevice } from "../kit/device-stack.ts";
import { atMost, type Measure, type Row, told } from "../kit/row.ts";
import { listed, median, quantile } from "../kit/statistics.ts";

const connect = ({ port, username, password }: TestSshd): Promise<Client> => {
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  const client = new ssh2.Client();
  client.on("ready", () => resolve(client)).on("error", reject);
  client.connect({ host: "127.0.0.1", port, username, password });
  return promise;
};

const run = (client: Client): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  client.exec("echo measured", (error, channel) => {
    if (error !== undefined) reject(error);
    else {
      let text = "";
      channel.on("data", (bytes: Buffer) => {
        text += bytes.toString();
      });
      channel.stderr.resume();
      channel.on("close", () => resolve(text.length));
    }
  });
  return promise;
};

const inOneProcess = async (client: Client, count: number): Promise<number[]> => {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    await run(client);
    samples.push(performance.now() - from);
  }
  return samples;
};

export const sshCommandRow: Measure = {
  name: "ssh-command",
  run: async ({ size }): Promise<Row[]> => {
    await using sshd = await startSshd({ keys: ["ed25519"] });
    const [plain, prompt] = [await connect(sshd), await connect(sshd)];
    // As the transport does: without it each command waits for a delayed acknowledgement.
    prompt.setNoDelay(true);
    const count = size(60, 15);
    const { username, password, port } = sshd;
    const device = { config: { host: "127.0.0.1", ssh_port: port, username }, secrets: { password } };
    try {
      return await withDevice(device, async (measure) => {
        const [ours, raw, quick]: [number[], number[], number[]] = [[], [], []];
        for (let round = 0; round <= size(7, 2); round += 1) {
          raw.push(quantile(await inOneProcess(plain, Math.min(count, 20)), 0.5));
          quick.push(quantile(await inOneProcess(prompt, count), 0.5));
          ours.push(quantile((await measure("bench.ssh", { count })).samples, 0.5));
        }
        const [a, b, c] = [ours.slice(1), raw.slice(1), quick.slice(1)];
        const against = (base: readonly number[]): number => median(a.map((value, at) => value / (base[at] ?? value)));
        const name = "ssh command through the transport, against ssh2, p50";
        return [
          atMost({ name, unit: "x", note: `p50 in ms: ${listed(a)}; ssh2 ${listed(b)}` }, against(b), 1.15),
          told(
            { name: "the same, against ssh2 with TCP_NODELAY set", unit: "x", note: `ssh2 ${listed(c)}` },
            against(c),
          ),
        ];
      });
    } finally {
      plain.end();
      prompt.end();
    }
  },
};
