/**
 * The quiet lines above the conversation: the connection's state, the stand-in's notice, and short-lived sentences.
 * Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

const SENTENCE_MS = 8000;

/**
 * @param {HTMLElement} el
 * @returns {{update: (state: {net: 'up'|'reconnecting'|'offline'|'back', isStandin: boolean}) => void, say: (sentence: string) => void}}
 */
export function mountNotices(el) {
  let state = {net: 'up', isStandin: false};
  let sentence = '';
  let timer = 0;

  const drawNet = () => html`<div class="net is-${state.net}"><span class="net-mark"></span><span>${t(`net.${state.net}`)}</span>${
    state.net === 'back' ? nothing : html`<button type="button" class="link-button" @click=${() => wish(el, 'reconnect')}>${t('net.now')}</button>`}</div>`;

  const drawStandin = () => html`<div class="standin"><p><strong>${t('standin.text')}</strong> ${t('standin.how')} <code>ZENMUX_API_KEY=… bin/serve</code></p>
    <button type="button" class="icon-button" aria-label=${t('standin.close')} title=${t('standin.close')}
      @click=${() => wish(el, 'hideStandin')}>${ICONS.close}</button></div>`;

  function draw() {
    // The status element is always there: a region that comes with its words is not read out.
    render(html`${state.isStandin ? drawStandin() : nothing}<div role="status">${state.net === 'up' ? nothing : drawNet()}${
      sentence ? html`<div class="net is-sentence">${ICONS.warn}<span>${sentence}</span></div>` : nothing}</div>`, el);
  }

  draw();
  return {
    update(next) {
      state = next;
      draw();
    },
    say(words) {
      sentence = words;
      clearTimeout(timer);
      timer = setTimeout(() => { sentence = ''; draw(); }, SENTENCE_MS);
      draw();
    },
  };
}
