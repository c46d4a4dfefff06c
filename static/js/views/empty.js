/** What is shown where there is no conversation: the greeting with four prompts, "not found", or a place kept while it loads. Called by main.js. */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

// The stand-in has a scripted model for each; with a real upstream the chosen model answers.
const PROMPTS = [['code', 'demo/tour'], ['maths', 'demo/tour'], ['long', 'demo/long'], ['think', 'demo/think']];

/** @param {HTMLElement} el @returns {{update: (state: {kind: 'greeting'|'missing'|'failed'|'loading'|'none', isBusy: boolean}) => void}} */
export function mountEmpty(el) {
  const drawPrompt = (name, model, isBusy) => html`<li><button type="button" class="prompt" ?disabled=${isBusy}
    @click=${() => wish(el, 'sendMessage', {content: t(`prompt.${name}.text`), demo: model})}>
    <span class="prompt-kind">${t(`prompt.${name}.kind`)}</span><span>${t(`prompt.${name}`)}</span></button></li>`;

  const screens = {
    greeting: isBusy => html`<div class="greeting">${ICONS.rill}<h1>${t('empty.title')}</h1><p>${t('empty.text')}</p>
      <ul class="prompts">${PROMPTS.map(([name, model]) => drawPrompt(name, model, isBusy))}</ul></div>`,
    missing: () => html`<div class="greeting">${ICONS.rill}<h1>${t('missing.title')}</h1><p>${t('missing.text')}</p>
      <p><a class="button is-main" href="/">${t('missing.new')}</a></p></div>`,
    failed: () => html`<div class="greeting">${ICONS.rill}<h1>${t('load.failed')}</h1>
      <p><button type="button" class="button is-main" @click=${() => wish(el, 'loadAgain')}>${t('load.again')}</button></p></div>`,
    loading: () => html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i><i></i></div>`,
    none: () => nothing,
  };

  return {
    update({kind, isBusy}) {
      el.hidden = kind === 'none';
      render(screens[kind](isBusy), el);
    },
  };
}
