/** How many values the JSON of a frame has: counted in its bytes, since who parses it has paid for them already. */

const [quote, backslash, comma, bracket, closed, brace, shut] = Buffer.from('"\\,[]{}');

/** Where the text that begins at `from` ends. */
const endOfText = (body: Buffer, from: number): number => {
  let at = from + 1;
  while (at < body.length && body[at] !== quote) at += body[at] === backslash ? 2 : 1;
  return at;
};

const isEmptyAt = (body: Buffer, at: number): boolean => body[at + 1] === closed || body[at + 1] === shut;

/** Lists, objects and what they hold; blanks within an empty one count as a value. What is no JSON has some number. */
export const countValues = (body: Buffer): number => {
  let values = 1;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === quote) at = endOfText(body, at);
    else if (byte === comma) values += 1;
    else if ((byte === bracket || byte === brace) && !isEmptyAt(body, at)) values += 1;
  }
  return values;
};
