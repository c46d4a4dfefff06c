/**
 * The dialog that makes, shows and revokes links to a conversation, and says honestly who can open them.
 * Does not fetch: it is given what to call. Loaded when it is first opened. Called by files.js.
 */
import {html, nothing, render} from 'lit-html';
import {copyText} from '../dom.js';
import {ICONS} from '../icons.js';
import {locale, t} from '../words.js';

const COPIED_MS = 1600;

/** @param {HTMLElement} el gets the dialog */
export function mountShare(el) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog share';
  dialog.setAttribute('aria-labelledby', 'share-title');
  dialog.addEventListener('click', event => event.target === dialog && dialog.close());
  el.append(dialog);
  let calls = null;
  let state = {};

  function change(next) {
    state = {...state, ...next};
    draw();
  }

  async function run(work) {
    change({isBusy: true, trouble: ''});
    try {
      await work();
    } catch (error) {
      change({trouble: error.message});
    }
    change({isBusy: false});
  }

  const make = event => {
    event.preventDefault();
    const {reasoning, attachments} = event.target.elements;
    const options = {reasoning: reasoning.checked, attachments: attachments.checked};
    return run(async () => {
      const made = await calls.make(options);
      change({shares: [made, ...state.shares], fresh: made.id});
      dialog.querySelector(`[data-share="${made.id}"] input`)?.select();
    });
  };

  const revoke = share => run(async () => {
    await calls.revoke(share.id);
    change({shares: state.shares.filter(one => one.id !== share.id), said: t('share.revoked')});
    dialog.querySelector('.share-make button').focus();
  });

  async function copy(share) {
    if (!await copyText(addressOf(share))) return;
    change({copied: share.id, said: t('share.copied')});
    setTimeout(() => change({copied: null}), COPIED_MS);
  }

  const addressOf = share => `${location.origin}${share.url}`;

  const drawOption = name => html`<label class="share-option"><input type="checkbox" name=${name}><span>${t(`share.${name}`)}</span></label>`;

  function drawShare(share) {
    const when = new Date(share.created_at).toLocaleString(locale, {dateStyle: 'medium', timeStyle: 'short'});
    const facts = [t('share.messages', share.message_count), share.reasoning && t('share.with.reasoning'), share.attachments && t('share.with.attachments')];
    const isCopied = state.copied === share.id;
    return html`<li data-share=${share.id} class=${share.id === state.fresh ? 'is-fresh' : ''}>
      <div class="share-link"><input readonly .value=${addressOf(share)} aria-label=${t('share.link', when)} @focus=${e => e.target.select()}>
        <button type="button" class="button" @click=${() => copy(share)}>${isCopied ? ICONS.check : ICONS.copy}${t(isCopied ? 'act.copied' : 'act.copy')}</button></div>
      <div class="share-facts"><span>${[when, ...facts].filter(Boolean).join(' · ')}</span>
        <button type="button" class="link-button is-grave" aria-label=${t('share.revoke.label', when)} ?disabled=${state.isBusy}
          @click=${() => revoke(share)}>${t('share.revoke')}</button></div></li>`;
  }

  function draw() {
    const {title, shares, isBusy, trouble, said} = state;
    render(html`<h2 id="share-title">${t('share.title')}</h2>
      <p><bdi class="share-what">${title}</bdi></p>
      <p>${t('share.text')}</p><p>${t('share.who')}</p>
      <form class="share-make" @submit=${make}>${drawOption('reasoning')}${drawOption('attachments')}
        <button class="button is-main" ?disabled=${isBusy}>${t('share.make')}</button></form>
      <p class="share-trouble" role="alert">${trouble}</p>
      ${shares?.length ? html`<h3>${t('share.links')}</h3><ul class="share-list">${shares.map(drawShare)}</ul>` : nothing}
      <p class="off-screen" aria-live="polite">${said}</p>
      <div class="dialog-buttons"><button type="button" class="button" @click=${() => dialog.close()}>${t('share.close')}</button></div>`, dialog);
  }

  return {
    /** @param {{title: string, list: () => Promise<object[]>, make: (options: object) => Promise<object>, revoke: (id: string) => Promise<void>}} next */
    async open({title, ...next}) {
      calls = next;
      state = {title, shares: [], isBusy: true, trouble: '', said: '', fresh: null, copied: null};
      draw();
      dialog.querySelector('.share-make')?.reset();
      if (!dialog.open) dialog.showModal();
      await run(async () => change({shares: await calls.list()}));
    },
  };
}
