/** The documentation page: the routes as HTML, with nothing from elsewhere and no script. */
import { errorTable } from "../../errors.ts";
import { errorsOf, requestHeaders } from "../openapi.ts";
import type { AnswerSpec, Route } from "../route.ts";
import { components } from "../schemas/index.ts";

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (found) => escapes[found] ?? found);

/** Backquotes mark code in our own texts. */
const prose = (text: string): string => escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");

const schemaBlock = (title: string, schema: unknown): string =>
  `<details><summary>${escapeHtml(title)}</summary><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></details>`;

const anchor = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+/gi, "-").replace(/-$/, "")}`;

const row = (cells: readonly string[]): string => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;

const parameters = ({ query = {} }: Route): string => {
  const rows = Object.entries(query).map(([name, schema]) => {
    const { description = "", ...rest } = schema as { description?: string };
    return row([
      `<code>${escapeHtml(name)}</code>`,
      prose(description),
      `<code>${escapeHtml(JSON.stringify(rest))}</code>`,
    ]);
  });
  return rows.length === 0 ? "" : `<table><caption>Query</caption>${rows.join("")}</table>`;
};

const headers = (route: Route): string => {
  const rows = requestHeaders(route).map(([name, words]) => row([`<code>${escapeHtml(name)}</code>`, prose(words)]));
  return rows.length === 0 ? "" : `<table><caption>Headers</caption>${rows.join("")}</table>`;
};

const body = ({ body, form, example }: Route): string =>
  [
    ...(body === undefined ? [] : [schemaBlock("Body", body)]),
    ...(example === undefined ? [] : [schemaBlock("Example", example)]),
    ...(form === undefined ? [] : [schemaBlock("Form", form)]),
  ].join("");

/** What an answer holds: by the name of its schema, or the schema itself. */
const shape = ({ schema }: AnswerSpec): string => {
  const name = (schema as { $ref?: string } | undefined)?.$ref?.split("/").at(-1);
  if (name !== undefined) return `<a href="#schema-${name}">${escapeHtml(name)}</a>`;
  return schema === undefined ? "" : schemaBlock("Schema", schema);
};

const answers = (route: Route): string => {
  const own = Object.entries(route.answers).map(([status, spec]) =>
    row([status, prose(spec.description), shape(spec)]),
  );
  const job = row(["202", "The job; with <code>Prefer: wait=N</code> its outcome", `<a href="#schema-Job">Job</a>`]);
  const codes = errorsOf(route).map((code) => `<a href="#${code}">${code}</a>`);
  const errors = row(["else", codes.join(" "), `<a href="#schema-Problem">Problem</a>`]);
  return `<table><caption>Answers</caption>${own.join("")}${route.enqueues === true ? job : ""}${errors}</table>`;
};

const access = ({ access }: Route): string => {
  if (access === "open") return "no token needed";
  return access === "ticket" ? "viewer, or a ticket" : access;
};

const section = (route: Route): string => `<section id="${anchor(route)}">
<h3><span class="method">${route.method}</span> <code>${escapeHtml(route.path)}</code></h3>
<p>${prose(route.summary)} <span class="role">${access(route)}</span></p>
${route.description === undefined ? "" : `<p>${prose(route.description)}</p>`}
${headers(route)}${parameters(route)}${body(route)}
${answers(route)}
</section>`;

const group = (tag: string, routes: readonly Route[]): string =>
  `<h2 id="tag-${tag}">${escapeHtml(tag)}</h2>${routes.map(section).join("\n")}`;

const contents = (byTag: ReadonlyMap<string, readonly Route[]>): string =>
  [...byTag]
    .map(([tag, routes]) => {
      const links = routes.map(
        (route) => `<li><a href="#${anchor(route)}">${route.method} ${escapeHtml(route.path)}</a></li>`,
      );
      return `<details><summary>${escapeHtml(tag)}</summary><ul>${links.join("")}</ul></details>`;
    })
    .join("");

const errorRows = (): string =>
  Object.entries(errorTable)
    .map(
      ([code, { status, title }]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
    )
    .join("");

const intro = `<p>Send <code>Authorization: Bearer &lt;token&gt;</code>. Everything that does work answers <code>202</code> with a
job; <code>GET /api/jobs/{id}/events</code> with <code>Accept: text/event-stream</code> tells live what happens in it.
Errors are problem documents with a <code>code</code> from the table below.</p>
<p>The same as a document for programs: <a href="/api/openapi.json">/api/openapi.json</a>.</p>`;

export const docsPage = (routes: readonly Route[], version: string): string => {
  const byTag = new Map<string, Route[]>();
  for (const route of routes) byTag.set(route.tag, [...(byTag.get(route.tag) ?? []), route]);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard ${escapeHtml(version)}: the HTTP interface</title><link rel="stylesheet" href="/api/docs/style.css"></head>
<body><h1>Switchyard ${escapeHtml(version)}</h1>${intro}<nav>${contents(byTag)}</nav>
<main>${[...byTag].map(([tag, found]) => group(tag, found)).join("\n")}
<h2 id="schemas">schemas</h2>${Object.entries(components)
    .map(([name, schema]) => `<div id="schema-${name}">${schemaBlock(name, schema)}</div>`)
    .join("\n")}
<h2 id="errors">errors</h2><table>${errorRows()}</table></main></body></html>`;
};

export const docsStyle = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h3{margin-top:2rem}code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow:auto;padding:.75rem;border:1px solid #8884;border-radius:.4rem}
table{border-collapse:collapse;margin:.5rem 0}caption{text-align:left;font-weight:600}
td{border:1px solid #8884;padding:.25rem .6rem;vertical-align:top}
.method{font-weight:700}.role{border:1px solid #8888;border-radius:1rem;padding:0 .6rem;font-size:.85em}
summary{cursor:pointer}tr:target,section:target{outline:2px solid #48f8}
`;
