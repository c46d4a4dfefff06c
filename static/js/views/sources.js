/**
 * The sources of an answer that searched the web: a numbered list under it, each a link to a page elsewhere. Nothing of those
 * pages is loaded: no picture, no icon; and they are not told where the reader comes from. Loaded with the first citation.
 * Called by reply.js.
 */
import {html, nothing, render} from 'lit-html';
import {t} from '../words.js';

/**
 * @param {{url: string, title: string}[]} citations as the message has them
 * @returns {{url: string, title: string, host: string}[]} each page once, by the first place it is named in; only http(s)
 */
export function mergeCitations(citations) {
  const pages = new Map();
  for (const {url, title} of citations) {
    const address = URL.parse ? URL.parse(url) : parse(url);
    if (!address || !/^https?:$/.test(address.protocol)) continue;
    const host = address.hostname.replace(/^www\./, '');
    const key = `${host}${address.port}${address.pathname.replace(/\/+$/, '')}${withoutTrackers(address.searchParams)}`;
    const known = pages.get(key);
    const isTitled = title && title !== url;
    if (!known) pages.set(key, {url: address.href, host, title: isTitled ? title : '', path: `${host}${address.pathname}`.replace(/\/$/, '')});
    else if (!known.title && isTitled) known.title = title;
  }
  return [...pages.values()].map(({path, ...page}) => ({...page, title: page.title || path}));
}

function parse(url) {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

/** Gateways mark the links they give; the page behind is the same. */
function withoutTrackers(params) {
  const kept = new URLSearchParams([...params].filter(([name]) => !name.startsWith('utm_')));
  kept.sort();
  return kept.toString();
}

/** @param {HTMLElement} el @param {{url: string, title: string}[]} citations */
export function drawSources(el, citations) {
  const pages = mergeCitations(citations);
  render(pages.length ? html`<section class="sources"><h3>${t('reply.sources')} <span class="sources-count">${pages.length}</span></h3>
    <ol role="list">${pages.map(({url, title, host}) => html`<li><a href=${url} target="_blank" rel="noopener noreferrer"><bdi>${title}</bdi></a>
      ${title.startsWith(host) ? nothing : html`<span class="sources-host">${host}</span>`}</li>`)}</ol></section>` : nothing, el);
}
