/** Templates of the transports block. */
import { expect, test } from "vitest";
import { fill, holdsSecret, parseTemplate, plainText, render } from "../../src/model/template.ts";

const fields = { config: { host: "h", port: 1, on: true, empty: "", list: [1] }, secretNames: ["token"] };

test("fields, secrets and login values are told from text, and other braces stay", () => {
  expect(parseTemplate("a{host}b{secret:token}{login:sid}{1}{}{ x }")).toEqual([
    { text: "a" },
    { field: "host" },
    { text: "b" },
    { secret: "token" },
    { login: "sid" },
    { text: "{1}{}{ x }" },
  ]);
});

test.each([
  ["{host}:{port}-{on}", "h:1-true"],
  ["{absent}", undefined],
  ["{empty}", undefined],
  ["{list}", undefined],
  ["plain", "plain"],
])("%j renders as %j", (source, text) => {
  const rendered = render(source, fields);
  expect(rendered === undefined ? undefined : plainText(rendered)).toBe(text);
});

test("the first alternative whose fields are all there counts", () => {
  const rendered = render(["{absent}={secret:token}", "{host}={secret:other}", "k={secret:token}", "x"], fields) ?? [];
  expect(fill(rendered, (kind, name) => `<${kind} ${name}>`)).toBe("k=<secret token>");
  expect([holdsSecret(rendered), plainText(rendered)]).toEqual([true, undefined]);
});

test("a value is never taken for a template", () => {
  const tricky = { config: { host: "{secret:token}" }, secretNames: ["token"] };
  expect(plainText(render("{host}", tricky) ?? [])).toBe("{secret:token}");
});
