/** The OpenAPI document and a page to read it. */
import { Type } from "typebox";
import type { Api } from "../api.ts";
import { openapiOf } from "../docs/openapi.ts";
import { docsPage, docsStyle } from "../docs/page.ts";
import { jsonText, textReply } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";

const tag = "documents";
const pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Made once, at the first use, from all routes. */
const once = (make: () => string): (() => string) => {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

export const documentRoutes = (api: Api, all: () => readonly Route[]): Route[] => {
  const document = once(() => JSON.stringify(openapiOf(all(), api.version)));
  const page = once(() => docsPage(all(), api.version));
  return [
    route({
      method: "GET",
      path: "/api/openapi.json",
      access: "open",
      tag,
      summary: "This interface as an OpenAPI 3.1 document",
      answers: { 200: { description: "The document", schema: Type.Object({}) } },
      handle: () => jsonText(document()),
    }),
    route({
      method: "GET",
      path: "/api/docs",
      access: "open",
      tag,
      summary: "This interface as a page to read",
      answers: { 200: { description: "The page", schema: Type.String(), type: "text/html" } },
      handle: () =>
        textReply(page(), { type: "text/html; charset=utf-8", headers: { "content-security-policy": pagePolicy } }),
    }),
    route({
      method: "GET",
      path: "/api/docs/style.css",
      access: "open",
      tag,
      summary: "How the page looks",
      answers: { 200: { description: "A style sheet", schema: Type.String(), type: "text/css" } },
      handle: () => textReply(docsStyle, { type: "text/css; charset=utf-8" }),
    }),
  ];
};
