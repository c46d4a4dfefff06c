/**
 * The server's sentences in the person's language. As with gettext the English sentence is the key; the table is
 * words/server.zh.json, which the server's own pages use too (rill/routes/language.py).
 * Pure: the table is passed in. Loaded by words.js when the language is not English and the server first says something.
 *
 * A key is one sentence with `{}` for each part that varies. Its translation has the parts by number: `{1}` as it came, be it
 * a person's own text or the upstream's words, `{=1}` said in the same language too. A message is one sentence or several; one
 * that is not known makes the whole of it stay as it is. Any sentence may name a status at its end.
 */

const STATUS = '(?: \\(status (?<status>\\d+)\\))?\\.';

const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** @param {string} key @returns {{head: string, pattern: RegExp}} */
function readKey(key) {
  const parts = key.split('{}');
  const last = parts.at(-1).endsWith('.') ? escaped(parts.pop().slice(0, -1)) + STATUS : escaped(parts.pop());
  return {head: key.split('{}')[0].replace(/\.$/, ''), pattern: new RegExp(`^${[...parts.map(escaped), last].join('(.+?)')}$`, 'su')};
}

/** @param {Record<string, string>} table @returns {(sentence: string) => string} */
export function translator(table) {
  const entries = Object.entries(table).map(([key, value]) => ({...readKey(key), value})).sort((a, b) => b.head.length - a.head.length);

  /** @returns {string | null} */
  function translate(text) {
    for (const {head, pattern, value} of entries) {
      if (!text.startsWith(head)) continue;
      for (const {index} of text.slice(head.length).matchAll(/(?=\s|$)/gu)) {
        const found = pattern.exec(text.slice(0, head.length + index));
        if (!found) continue;
        const rest = text.slice(found[0].length).trimStart();
        const after = rest ? translate(rest) : '';
        if (after !== null) return filled(value, found) + after;
      }
    }
    return null;
  }

  function filled(value, found) {
    const words = value.replace(/\{(=?)(\d)\}/g, (_, also, number) => (also && translate(found[number])) || found[number]);
    const status = found.groups?.status;
    return status ? `${words.slice(0, -1)}（状态 ${status}）${words.slice(-1)}` : words;
  }

  return sentence => translate(sentence.trim()) ?? sentence;
}
