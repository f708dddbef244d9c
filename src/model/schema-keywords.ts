/** Keywords of JSON Schema in our own words, since the validator's take too much: of time for one, of memory for the other. */
import { _, type Ajv2020, type CodeKeywordDefinition, type FuncKeywordDefinition } from "ajv/dist/2020.js";
import { isJsonObject } from "./json.ts";

/** Not `canonicalJson`, which refuses numbers and texts that a value may well hold here. */
const sorted = (_key: string, value: unknown): unknown =>
  isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;

/** Where the first item stands that was there before, and where that was. */
const findTwin = (items: readonly unknown[]): { readonly i: number; readonly j: number } | undefined => {
  const known = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = JSON.stringify(item, sorted);
    const j = known.get(text);
    if (j !== undefined) return { i, j };
    known.set(text, i);
  }
  return undefined;
};

type Check = ReturnType<NonNullable<FuncKeywordDefinition["compile"]>>;

const findingTwins = (): Check => {
  const check: Check = (items: readonly unknown[]): boolean => {
    const twin = findTwin(items);
    check.errors = twin === undefined ? [] : [{ keyword: "uniqueItems", params: twin }];
    return twin === undefined;
  };
  return check;
};

/** Each item is met once; the validator compares each with each. */
const uniqueItems: FuncKeywordDefinition = {
  ...{ keyword: "uniqueItems", type: "array", schemaType: "boolean", before: "unevaluatedItems" },
  compile: (isAsked: boolean) => (isAsked ? findingTwins() : () => true),
};

/** What an item lacks is forgotten at once; the validator keeps it for all items, until one fits. */
const forgetful = (contains: CodeKeywordDefinition): CodeKeywordDefinition => ({
  ...contains,
  code: (cxt) => {
    const look = cxt.subschema.bind(cxt);
    cxt.subschema = (applied, valid) => {
      const looked = look(applied, valid);
      cxt.gen.if(_`!${valid}`, () => cxt.reset());
      return looked;
    };
    contains.code(cxt);
  },
});

/** Puts our keywords in the place of the validator's. */
export const replaceKeywords = (ajv: Ajv2020): void => {
  const contains = ajv.getKeyword("contains") as CodeKeywordDefinition;
  ajv.removeKeyword("contains");
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword(uniqueItems);
  ajv.addKeyword(forgetful(contains));
};
