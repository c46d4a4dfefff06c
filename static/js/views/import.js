/**
 * The dialog that brings conversations in: choose a file, see how far it is, read what came of it and what was left out.
 * Does not fetch or read: it is given what to call. Loaded when it is first opened. Called by files.js.
 */
import {html, nothing, render} from 'lit-html';
import {makeKey} from '../api.js';
import {said, t} from '../words.js';

/** @param {HTMLElement} el gets the dialog */
export function mountImport(el) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog import';
  dialog.setAttribute('aria-labelledby', 'import-title');
  el.append(dialog);
  let calls = null;
  let state = {};
  let round = 0; // of the dialog: what an earlier one is still doing changes nothing on the screen

  function change(next) {
    state = {...state, ...next};
    draw();
  }

  async function choose(event) {
    const [file] = event.target.files;
    event.target.value = ''; // the same file again is a new choice
    if (!file) return;
    const mine = round;
    change({step: 'reading', trouble: '', name: file.name});
    try {
      await bringIn(await calls.read(file), mine);
    } catch (error) {
      if (mine === round) change({step: state.ids.length ? 'done' : 'choose', trouble: error.message});
    }
  }

  /** Batch by batch; each has a key, so that one that is tried again after a broken line is not brought in twice. */
  async function bringIn(batches, mine) {
    change({step: 'sending', total: batches.reduce((sum, batch) => sum + batch.count, 0), done: 0, ids: [], skipped: []});
    for (const batch of batches) {
      if (mine !== round || state.isStopped) break;
      const before = state.done;
      const answer = await sendTwice(batch);
      if (mine !== round) return;
      const skipped = await Promise.all(answer.skipped.map(async one => ({...one, number: one.number + before, why: await said(reasonIn(one.why, one.title))})));
      if (batch.without) skipped.push({files: batch.without, title: t('import.large.title'), why: t('import.large', batch.without)});
      change({ids: [...state.ids, ...answer.conversation_ids], skipped: [...state.skipped, ...skipped], done: before + batch.count});
    }
    if (mine === round) finish();
  }

  async function sendTwice(batch) {
    const key = makeKey();
    return calls.send(batch, key).catch(error => {
      if (error.status) throw error;
      return calls.send(batch, key);
    });
  }

  function finish() {
    change({step: 'done'});
    if (state.ids.length) calls.show(state.ids[0]);
    dialog.querySelector('.dialog-buttons button')?.focus();
  }

  const drawChoose = () => html`<p>${t('import.text')}</p><p>${t('import.copies')}</p>
    <label class="import-file button is-main">${t('import.choose')}<input type="file" accept=".json,.zip,application/json,application/zip" @change=${choose}></label>`;

  const drawProgress = ({step, done, total}) => html`<p id="import-step">${step === 'reading' ? t('import.reading', state.name) : t('import.sending', done, total)}</p>
    ${step === 'reading' ? html`<progress aria-labelledby="import-step"></progress>` : html`<progress aria-labelledby="import-step" max=${total} value=${done}></progress>`}`;

  /** Of the server's sentence what follows the name that stands before it. */
  function reasonIn(why, title) {
    const at = why.indexOf(': ', title.length);
    return at < 0 ? why : why.slice(at + 2);
  }

  const drawDone = ({ids, skipped}) => html`<p>${t('import.done', ids.length, skipped.filter(one => !one.files).length)}</p>
    ${skipped.length ? html`<ul class="import-skipped" tabindex="0" aria-label=${t('import.skipped')}>${skipped.map(({title, number, why}) =>
      html`<li><strong><bdi>${title || t('import.number', number)}</bdi></strong>${t('import.colon')}${why}</li>`)}</ul>` : nothing}`;

  const DRAWN = {choose: drawChoose, reading: drawProgress, sending: drawProgress, done: drawDone};

  function draw() {
    const isWorking = state.step === 'reading' || state.step === 'sending';
    render(html`<h2 id="import-title">${t('import.title')}</h2><div aria-live="polite">${DRAWN[state.step](state)}</div>
      <p class="share-trouble" role="alert">${state.trouble}</p>
      <div class="dialog-buttons"><button type="button" class="button" @click=${() => (isWorking ? change({isStopped: true}) : dialog.close())}
        ?disabled=${isWorking && state.isStopped}>${t(isWorking ? 'import.stop' : 'share.close')}</button></div>`, dialog);
  }

  return {
    /** @param {{read: (file: File) => Promise<object[]>, send: (batch: object, key: string) => Promise<object>, show: (id: string) => void}} next */
    open(next) {
      calls = next;
      if (!dialog.open) { // an import that runs behind a closed dialog goes on; opened again, it is shown
        if (state.step !== 'reading' && state.step !== 'sending') {
          round++;
          state = {step: 'choose', trouble: '', ids: [], skipped: [], isStopped: false};
        }
        dialog.showModal();
      }
      draw();
    },
  };
}
