/**
 * The quiet lines above the conversation: the connection's state, the server's trouble with its disk, a proxy that collects
 * the stream, the stand-in's notice, and short-lived sentences.
 * Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

const SENTENCE_MS = 8000;

/**
 * @param {HTMLElement} el
 * @param {{isStandin: boolean}} first known before the first paint, so that its line pushes nothing down
 * @returns {{update: (state: {net: 'up'|'reconnecting'|'offline'|'back', storage: object|null,
 *   isCollected: boolean, isStandin: boolean}) => void, say: (sentence: string) => void,
 *   offer: (sentence: string, action: {label: string, run: () => void}) => void}} `say` tells of trouble, `offer` of what was
 *   done and can be undone
 */
export function mountNotices(el, {isStandin}) {
  let state = {net: 'up', storage: null, isCollected: false, isStandin};
  let sentence = '';
  let action = null;
  let timer = 0;
  let from = null; // where the focus was before it came to an offer
  // Offers are made where a thumb is, and within reach also while the drawer is open.
  const offers = document.createElement('div');
  offers.className = 'offers';
  offers.setAttribute('role', 'status');
  document.body.append(offers);
  for (const held of ['focusin', 'pointerover']) offers.addEventListener(held, () => clearTimeout(timer));
  for (const left of ['focusout', 'pointerout']) offers.addEventListener(left, wait);
  offers.addEventListener('focusin', event => { from = event.relatedTarget; });

  const drawNet = () => html`<div class="net is-${state.net}"><span class="net-mark"></span><span>${t(`net.${state.net}`)}</span>${
    state.net === 'back' ? nothing : html`<button type="button" class="link-button" @click=${() => wish(el, 'reconnect')}>${t('net.now')}</button>`}</div>`;

  const drawStandin = () => html`<div class="standin"><p><strong>${t('standin.text')}</strong> ${t('standin.how')} <code>ZENMUX_API_KEY=… bin/serve</code></p>
    <button type="button" class="icon-button" aria-label=${t('standin.close')} title=${t('standin.close')}
      @click=${() => wish(el, 'hideStandin')}>${ICONS.close}</button></div>`;

  const drawStorage = ({type, message}) => html`<div class="net is-storage">${ICONS.warn}<span>${t(`storage.${type}`) ?? message}</span></div>`;

  const drawCollected = () => html`<div class="net is-collected">${ICONS.warn}<span>${t('lag.text')} ${t('lag.nginx')} <code>proxy_buffering off;</code> ${
    t('lag.caddy')} <code>flush_interval -1</code></span><button type="button" class="icon-button" aria-label=${t('lag.close')} title=${t('lag.close')}
      @click=${() => wish(el, 'hideCollected')}>${ICONS.close}</button></div>`;

  const drawSentence = () => html`<div class="net is-sentence">${ICONS.warn}<span>${sentence}</span></div>`;

  const drawOffer = () => html`<div class="net"><span>${sentence}</span><button type="button" class="link-button" @click=${act}>${action.label}</button></div>`;

  function act() {
    const {run} = action;
    const hadFocus = offers.contains(document.activeElement);
    show('');
    if (hadFocus) (from?.isConnected ? from : document.getElementById('scroller')).focus({preventScroll: true});
    run();
  }

  function show(words, nextAction = null) {
    [sentence, action] = [words, nextAction];
    wait();
    draw();
  }

  function wait() {
    clearTimeout(timer);
    if (sentence) timer = setTimeout(show, SENTENCE_MS, '');
  }

  function draw() {
    // The status element is always there: a region that comes with its words is not read out.
    render(html`${state.isStandin ? drawStandin() : nothing}<div role="status">${state.net === 'up' ? nothing : drawNet()}${
      state.storage ? drawStorage(state.storage) : nothing}${state.isCollected ? drawCollected() : nothing}${
      sentence && !action ? drawSentence() : nothing}</div>`, el);
    render(action ? drawOffer() : nothing, offers);
  }

  draw();
  return {
    update(next) {
      state = next;
      draw();
    },
    say: words => show(words),
    offer: show,
  };
}
