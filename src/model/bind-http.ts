/** Fills an http block with an instance's config. */
import { type BindFacts, bindTemplates, bindTls, bindUrl, stringsOf } from "./bind-place.ts";
import type { HttpEndpoint, HttpLogin, LoginBody, Take, TemplateTree } from "./endpoint.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { ReadPattern, TransportBlock } from "./manifest.ts";
import { compileHttpPattern, type HttpPattern } from "./pattern.ts";
import { type Rendered, render } from "./template.ts";
import { itemsOf, membersOf, templateSource } from "./transport-block.ts";

const patternsOf = (value: Json | undefined): readonly HttpPattern[] =>
  itemsOf(value).map((source) => compileHttpPattern(source as unknown as string | ReadPattern));

const treeOf = (value: Json, facts: BindFacts): TemplateTree | undefined => {
  if (typeof value === "string") {
    const template = render(value, facts.fields);
    return template === undefined ? undefined : { template };
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => treeOf(item as Json, facts));
    return items.includes(undefined) ? undefined : { items: items as TemplateTree[] };
  }
  if (!isJsonObject(value)) return { leaf: value };
  const members = Object.entries(value).map(([name, member]) => [name, treeOf(member, facts)] as const);
  if (members.some(([, member]) => member === undefined)) return undefined;
  return { members: Object.fromEntries(members) as Record<string, TemplateTree> };
};

const formOf = (value: Json, facts: BindFacts): LoginBody | undefined => {
  const pairs = membersOf(value).map(([name, raw]) => [name, render(String(raw), facts.fields)] as const);
  if (pairs.some(([, rendered]) => rendered === undefined)) return undefined;
  return { kind: "form", pairs: pairs as readonly (readonly [string, Rendered])[] };
};

/** `null` when the request has no body, `undefined` when a field of it is absent. */
const bodyOf = (request: Readonly<Record<string, Json>>, facts: BindFacts): LoginBody | null | undefined => {
  if (request["json"] !== undefined) {
    const value = treeOf(request["json"], facts);
    return value === undefined ? undefined : { kind: "json", value };
  }
  if (request["form"] !== undefined) return formOf(request["form"], facts);
  if (typeof request["text"] !== "string") return null;
  const value = render(request["text"], facts.fields);
  return value === undefined ? undefined : { kind: "text", value };
};

const takeOf = ([name, source]: readonly [string, Json]): Take => {
  const [from = "", ...at] = String(source).split(":");
  return { name, from: from === "cookie" || from === "header" ? from : "json", at: at.join(":") };
};

const loginOf = (value: Json | undefined, facts: BindFacts): HttpLogin | null => {
  if (!isJsonObject(value) || !isJsonObject(value["request"])) return null;
  const { request } = value;
  const body = bodyOf(request, facts);
  if (body === undefined) return null;
  return {
    request: {
      method: typeof request["method"] === "string" ? request["method"] : "POST",
      path: typeof request["path"] === "string" ? request["path"] : "",
      headers: bindTemplates(request["headers"], facts),
      body,
    },
    take: membersOf(value["take"]).map(takeOf),
    againOn: itemsOf(value["again_on"]).filter((status): status is number => typeof status === "number"),
  };
};

/** `basic: "{username}:{secret:password}"`: the credentials of an Authorization header, encoded when it is sent. */
const basicOf = (block: TransportBlock, facts: BindFacts): Rendered | null => {
  const source = templateSource(block["basic"]);
  return (source === undefined ? undefined : render(source, facts.fields)) ?? null;
};

/** The endpoint, or `undefined` when fields that name its place are absent. */
export const bindHttp = (name: string, block: TransportBlock, facts: BindFacts): HttpEndpoint | undefined => {
  const base = bindUrl(block["url"], facts);
  if (base === undefined) return undefined;
  return {
    kind: "http",
    name,
    ...base,
    tls: base.scheme === "https" ? bindTls(block["tls"], facts) : null,
    headers: bindTemplates(block["headers"], facts),
    basic: basicOf(block, facts),
    writeHeaders: bindTemplates(block["write_headers"], facts),
    login: loginOf(block["login"], facts),
    reads: patternsOf(block["reads"]),
    writes: patternsOf(block["writes"]),
    ok: membersOf(block["ok"]).map(([pointer, expected]) => ({ pointer, expected })),
    places: stringsOf(block["places"]),
  };
};
