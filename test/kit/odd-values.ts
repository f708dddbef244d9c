/** Values that no honest client sends: of every type, at every depth. */

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
/** Values of every type, as JSON texts: some cannot be written otherwise. */
export const oddValues: readonly string[] = [
  ...["null", "true", "-1", "0", "1.5", "1e400", "-0", "9007199254740993", '""', '" "', '"\\u0000"', '"\\ud800"'],
  ...[
    '"../../etc/passwd"',
    '"\\u202e\\ud83d\\ude80"',
    '"1; drop table jobs"',
    '"swh_00000000000000000000000000000000"',
  ],
  ...["[]", "[null]", "{}", '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}'],
  ...['{"$ref":"#"}', '{"toString":1,"then":1}', nested(60), nested(5_000), `"${"x".repeat(100_000)}"`],
  `[${"0,".repeat(5_000)}0]`,
];
export const oddBodies: readonly string[] = [
  "",
  " ",
  "{",
  "[]",
  "null",
  '"text"',
  "1",
  "\u0000",
  '{"a":1}{',
  '{"a":1,"a":2}',
];
export const oddTexts: readonly string[] = [
  ...["", "%00", "-1", "0", "1e9", "99999999999999999999", "null", "true", "[]", "%2e%2e", "..%2f..%2fetc%2fpasswd"],
  ...[
    "%F0%9F%92%A3",
    "%ED%A0%80",
    "%zz",
    "%",
    "'%20or%201=1--",
    "a".repeat(5_000),
    "%0d%0aX-Admin:1",
    "{id}",
    "__proto__",
  ],
];

/** What the document leaves open - config, secrets, parameters - as an honest client fills it in. */
const honest: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "POST /api/integrations/instances": {
    ...{ type_id: "acme.lamp", name: "odd", config: { host: "h", port: 1, deep: { of: ["list"] } } },
    secrets: { token: "a-token-of-a-lamp" },
  },
  "PATCH /api/integrations/instances/{id}": {
    ...{ config: { host: "h", port: 1, deep: { of: ["list"] } }, secrets: { token: "a-token-of-a-lamp" } },
  },
  "POST /api/integrations/instances/{id}/actions": {
    ...{ capability: "light.dim", verb: "set", target: { type: "lamp", id: "1" } },
    params: { level: 1, pin: "1234", deep: { of: ["list"] } },
  },
  "POST /api/integrations/instances/{id}/vm/{vm_id}/lifecycle": { verb: "start", params: { force: true } },
  "POST /api/tokens": { name: "odd", role: "viewer", expires_at: "2100-01-01T00:00:00Z", instances: ["ins_1"] },
};

/** A JSON text for each place inside the members of a value, with something odd there. */
const oddInside = (value: unknown, odd: string, depth = 0): readonly string[] => {
  if (typeof value !== "object" || value === null) return depth < 2 ? [] : [odd];
  const isList = Array.isArray(value);
  const parts = Object.entries(value).map(([key, inner]) => [isList ? "" : `${JSON.stringify(key)}:`, inner] as const);
  const whole = parts.flatMap(([key, inner], at) =>
    oddInside(inner, odd, depth + 1).map((text) => {
      const texts = parts.map(([other, one], index) => (index === at ? key + text : other + JSON.stringify(one)));
      return isList ? `[${texts.join()}]` : `{${texts.join()}}`;
    }),
  );
  return depth < 2 ? whole : [odd, ...whole];
};

/** The bodies of a route with something odd at each place inside their members, each with that in it. */
export const oddBodiesInside = (route: string): readonly string[] =>
  oddValues.flatMap((odd) => oddInside(honest[route], odd));
