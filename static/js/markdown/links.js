/**
 * Links and images of an answer, as elements.
 *
 * urls.js decides what is allowed; this draws it. An image from elsewhere becomes a link that
 * shows its whole host, so that a person knows where a click leads.
 */

import { el } from './dom.js';
import { hostOf, isOwnImage, isSafeLink, schemeOf } from './urls.js';

/** @param {string} href @param {string|null} [title] @returns {HTMLAnchorElement} without href if unsafe */
export function linkElement(href, title) {
  const link = el('a', title ? { title } : {});
  if (!isSafeLink(href)) return link;
  link.setAttribute('href', href);
  const scheme = schemeOf(href);
  if (scheme === 'mailto' || scheme === 'tel') return link;
  link.setAttribute('rel', 'noopener noreferrer nofollow');
  link.setAttribute('target', '_blank');
  return link;
}

/**
 * @param {string} src @param {string} alt @param {string|null} title
 * @param {boolean} isInLink a link inside a link is not a link: only the words are shown then
 */
export function imageElement(src, alt, title, isInLink) {
  if (isOwnImage(src)) {
    return el('img', { src, alt, loading: 'lazy', decoding: 'async', referrerpolicy: 'no-referrer', ...(title && { title }) });
  }
  const shell = isInLink ? el('span') : linkElement(src, title);
  shell.classList.add('remote-image');
  shell.append(alt, el('span', { class: 'host' }, hostOf(src)));
  return shell;
}
