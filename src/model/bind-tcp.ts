/** Fills a tcp block with an instance's config. */
import { type BindFacts, bindHost, bindPort, bindTls, firstSource, stringsOf, timeoutOf } from "./bind-place.ts";
import type { TcpEndpoint } from "./endpoint.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { TransportBlock } from "./manifest.ts";
import { compileAnswerPattern, compileLinePattern } from "./pattern.ts";
import { render } from "./template.ts";
import { itemsOf } from "./transport-block.ts";

const loginOf = (value: Json | undefined, { fields }: BindFacts): TcpEndpoint["login"] =>
  itemsOf(value).flatMap((entry) => {
    const [sendSource = "", expect = "*"] = stringsOf(entry);
    const send = render(sendSource, fields);
    return send === undefined ? [] : [{ send, expect: compileAnswerPattern(expect) }];
  });

const startTlsOf = (value: Json | undefined): TcpEndpoint["startTls"] => {
  const [send, expect = "*"] = stringsOf(value);
  return send === undefined ? null : { send, expect: compileAnswerPattern(expect) };
};

/** The endpoint, or `undefined` when fields that name its place are absent. */
export const bindTcp = (name: string, block: TransportBlock, facts: BindFacts): TcpEndpoint | undefined => {
  const host = bindHost(firstSource(block["host"], facts), facts);
  const port = bindPort(firstSource(block["port"], facts), facts);
  if (host === undefined || port === undefined) return undefined;
  const startTls = startTlsOf(block["starttls"]);
  const timeoutMs = timeoutOf(facts, "tcp");
  const ok = typeof block["ok"] === "string" ? [block["ok"]] : stringsOf(block["ok"]);
  return {
    kind: "tcp",
    name,
    host,
    port,
    tls: isJsonObject(block["tls"]) || startTls !== null ? bindTls(block["tls"], facts) : null,
    line: typeof block["line"] === "string" ? block["line"] : "\n",
    startTls,
    login: loginOf(block["login"], facts),
    reads: stringsOf(block["reads"]).map((source) => compileLinePattern(source)),
    ok: ok.map(compileAnswerPattern),
    telnet: block["telnet"] === true,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
};
