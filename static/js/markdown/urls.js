/**
 * Which addresses an answer may use.
 *
 * Decides whether a link may be followed and whether an image may be loaded. It builds no
 * elements (build.js and raw_html.js do) and knows no grammar. An image from elsewhere is never
 * loaded: its address would carry the conversation to whoever wrote it.
 */

const SAFE_SCHEMES = new Set(['http', 'https', 'mailto', 'tel']);
const SCHEME_WINDOW_CHARS = 64; // no known scheme is longer; data: addresses may be megabytes
const ATTACHMENTS = '/api/attachments/';
const NOWHERE = 'http://nowhere.invalid'; // base to resolve our own paths against
// SVG is left out: as an image it cannot run scripts, but it can hang the page by expansion.
const INLINE_IMAGE = /^data:image\/(?:png|gif|jpe?g|webp|avif|bmp)[;,]/i;

/**
 * The scheme a browser would see. It ignores tabs, line feeds and leading control characters; we
 * ignore a few invisible ones more, to be sure.
 * @param {string} url
 * @returns {string|null} lower case, without the colon; null for a relative address
 */
export function schemeOf(url) {
  // eslint-disable-next-line no-control-regex
  const seen = url.slice(0, SCHEME_WINDOW_CHARS).replace(/[\u0000-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060\ufeff]/g, '');
  return /^([a-z][a-z0-9+.-]*):/i.exec(seen)?.[1].toLowerCase() ?? null;
}

/** @param {string} url @returns {boolean} whether a link may lead there */
export function isSafeLink(url) {
  const scheme = schemeOf(url);
  return scheme === null || SAFE_SCHEMES.has(scheme);
}

/** @param {string} src @returns {boolean} whether the bytes are here or on our own server */
export function isOwnImage(src) {
  if (INLINE_IMAGE.test(src) || /^blob:/i.test(src)) return true;
  if (!src.startsWith(ATTACHMENTS) || !URL.canParse(src, NOWHERE)) return false;
  const { origin, pathname } = new URL(src, NOWHERE); // resolves ".." before we look
  return origin === NOWHERE && pathname.startsWith(ATTACHMENTS);
}

/** @param {string} url @returns {string} the whole host, or the address itself if it has none */
export function hostOf(url) {
  return (URL.canParse(url) && new URL(url).host) || url;
}
