/** Templates of the `transports` block: `{field}` of the config, `{secret:field}`, `{login:name}`, text between them. */
import type { Json, JsonObject } from "./json.ts";

/** A piece of a template. */
export type TemplatePart =
  | { readonly text: string }
  | { readonly field: string }
  | { readonly secret: string }
  | { readonly login: string };

/** A template whose config fields are filled in; secrets and login values are placed when it is sent. */
export type Rendered = readonly Exclude<TemplatePart, { readonly field: string }>[];

/** A template, or alternatives of which the first with all fields there counts. */
export type TemplateSource = string | readonly string[];

/** What an instance has: its config, and the names of the secrets that are set. */
export interface Fields {
  readonly config: JsonObject;
  readonly secretNames: readonly string[];
}

const placeholder = /\{(?:(secret|login):)?([A-Za-z_][A-Za-z0-9_]*)\}/g;

const partOf = (kind: string | undefined, name: string): TemplatePart => {
  if (kind === "secret") return { secret: name };
  return kind === "login" ? { login: name } : { field: name };
};

/** Splits a template into its pieces. Braces around anything but a name are text. */
export const parseTemplate = (source: string): readonly TemplatePart[] => {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of source.matchAll(placeholder)) {
    if (match.index > end) parts.push({ text: source.slice(end, match.index) });
    parts.push(partOf(match[1], match[2] ?? ""));
    end = match.index + match[0].length;
  }
  if (end < source.length) parts.push({ text: source.slice(end) });
  return parts;
};

const fieldText = (value: Json | undefined): string | undefined => {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
};

type Encode = (value: string) => string;
const asIs: Encode = (value) => value;

const renderOne = (source: string, fields: Fields, encode: Encode): Rendered | undefined => {
  const rendered: Rendered[number][] = [];
  for (const part of parseTemplate(source)) {
    if ("field" in part) {
      const value = fieldText(fields.config[part.field]);
      if (value === undefined) return undefined;
      rendered.push({ text: encode(value) });
    } else if ("secret" in part && !fields.secretNames.includes(part.secret)) return undefined;
    else rendered.push(part);
  }
  return rendered;
};

/** Fills in the config fields; `undefined` when one that is needed is absent. `encode` is applied to each field. */
export const render = (source: TemplateSource, fields: Fields, encode: Encode = asIs): Rendered | undefined => {
  for (const alternative of typeof source === "string" ? [source] : source) {
    const rendered = renderOne(alternative, fields, encode);
    if (rendered !== undefined) return rendered;
  }
  return undefined;
};

/** The text of a rendered template that holds no secret; `undefined` when it holds one. */
export const plainText = (rendered: Rendered): string | undefined => {
  const texts = rendered.map((part) => ("text" in part ? part.text : undefined));
  return texts.includes(undefined) ? undefined : texts.join("");
};

/** Puts secrets and login values in their places. */
export const fill = (rendered: Rendered, lookUp: (kind: "secret" | "login", name: string) => string): string =>
  rendered
    .map((part) => {
      if ("text" in part) return part.text;
      return "secret" in part ? lookUp("secret", part.secret) : lookUp("login", part.login);
    })
    .join("");

/** Whether the template places something that must not be seen. */
export const holdsSecret = (rendered: Rendered): boolean => rendered.some((part) => !("text" in part));
