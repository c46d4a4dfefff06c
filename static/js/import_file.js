/**
 * Reads a file to import, in the browser: JSON, or the archive that ChatGPT sends (a ZIP with `conversations.json` in it). Cuts
 * what it finds into batches of a few megabytes, so that the server is never long at one and the page can tell how far it is.
 * It judges nothing: what it does not know goes to the server as it is, but a conversation that is more than the server takes
 * at once goes without its largest files. Called by files.js.
 */
import {t} from './words.js';

const BATCH_CHARS = 4_000_000;
const BATCH_COUNT = 200;
const MOST_BYTES = 66_000_000; // a little less than what the server takes (rill/routes/files.py)
const WANTED = /(^|\/)conversations[^/]*\.json$/i;
const END_BYTES = 22; // of a ZIP's last record (APPNOTE 4.3.16), before its comment of up to 64 KiB
const [END_SIGN, ENTRY_SIGN] = [0x06054b50, 0x02014b50];
const STORED = 0;
const DEFLATED = 8;

/** @param {File} file @returns {Promise<any[]>} the documents in it; throws an Error with a sentence */
export async function documentsIn(file) {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  const isArchive = start[0] === 0x50 && start[1] === 0x4b; // "PK"
  const texts = isArchive ? await unzip(file) : [await file.text()];
  if (!texts.length) throw new Error(t('import.archive'));
  try {
    return texts.map(text => JSON.parse(text));
  } catch {
    throw new Error(t('import.json', file.name));
  }
}

/** @param {any} document @returns {{body: any, count: number, without: number}[]} `count` conversations in each; `without` so many files */
export function batchesOf(document) {
  const all = Array.isArray(document) ? document : document?.conversations;
  if (!Array.isArray(all) || !all.length) return [{body: document, count: 1, without: lighten(document)}];
  const wrap = part => (Array.isArray(document) ? part : {...document, conversations: part});
  const batches = [];
  let [part, chars, without] = [[], 0, 0];
  for (const one of all) {
    const dropped = lighten(one);
    const size = JSON.stringify(one).length;
    if (part.length && (chars + size > BATCH_CHARS || part.length >= BATCH_COUNT)) {
      batches.push({body: wrap(part), count: part.length, without});
      [part, chars, without] = [[], 0, 0];
    }
    part.push(one);
    chars += size;
    without += dropped;
  }
  return [...batches, {body: wrap(part), count: part.length, without}];
}

/** @returns {number} of how many files the data had to go */
function lighten(conversation) {
  const files = (Array.isArray(conversation?.messages) ? conversation.messages : [])
    .flatMap(message => (Array.isArray(message?.attachments) ? message.attachments : [])).filter(file => typeof file?.data === 'string');
  if (!files.length) return 0;
  let size = new Blob([JSON.stringify(conversation)]).size;
  files.sort((a, b) => b.data.length - a.data.length);
  let dropped = 0;
  while (size > MOST_BYTES && dropped < files.length) {
    const file = files[dropped++];
    size -= file.data.length;
    delete file.data;
  }
  return dropped;
}

/** @returns {Promise<string[]>} the texts of the files that are wanted, in the order of their names */
async function unzip(file) {
  const tail = new DataView(await file.slice(Math.max(0, file.size - END_BYTES - 0xffff)).arrayBuffer());
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGN) end--;
  if (end < 0) throw new Error(t('import.archive'));
  const [size, offset] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  const entries = new DataView(await file.slice(offset, offset + size).arrayBuffer());
  const found = [];
  for (let at = 0; at + 46 <= entries.byteLength && entries.getUint32(at, true) === ENTRY_SIGN;) {
    const [nameLength, extra, comment] = [28, 30, 32].map(field => entries.getUint16(at + field, true));
    const name = new TextDecoder().decode(new Uint8Array(entries.buffer, at + 46, nameLength));
    if (WANTED.test(name)) {
      found.push({name, method: entries.getUint16(at + 10, true), packed: entries.getUint32(at + 20, true), header: entries.getUint32(at + 42, true)});
    }
    at += 46 + nameLength + extra + comment;
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(found.map(entry => textOf(file, entry)));
}

async function textOf(file, {method, packed, header}) {
  const local = new DataView(await file.slice(header, header + 30).arrayBuffer());
  const start = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const bytes = file.slice(start, start + packed);
  if (method === STORED) return bytes.text();
  if (method !== DEFLATED) throw new Error(t('import.archive'));
  try {
    return await new Response(bytes.stream().pipeThrough(new DecompressionStream('deflate-raw'))).text();
  } catch {
    throw new Error(t('import.archive'));
  }
}
