/**
 * The settings: one dialog of sections of lines. What is chosen holds at once; there is nothing to save.
 * Knows no setting: they are listed in settings.js, which says what a line can be. Loaded when it is first opened.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {t} from '../words.js';

/**
 * @param {HTMLElement} el gets the dialog
 * @returns {{open: (list: () => import('../settings.js').Section[]) => void}} `list` is asked again after each change
 */
export function mountSettings(el) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog settings';
  dialog.setAttribute('aria-labelledby', 'settings-title');
  dialog.addEventListener('click', event => event.target === dialog && dialog.close()); // the backdrop is its own
  el.append(dialog);
  let list = () => [];

  async function change(run) {
    await run();
    draw();
  }

  function leaveFor(run) {
    dialog.close();
    run();
  }

  const drawChoice = (line, name) => html`<fieldset class="set-line set-choice"><legend>${line.label}</legend><div class="set-choices">${
    line.choices.map(({value, label, lang}) => html`<label lang=${lang ?? nothing}><input type="radio" name=${name} .value=${value} .checked=${value === line.value}
      @change=${() => change(() => line.choose(value))}><span>${label}</span></label>`)}</div></fieldset>`;

  const drawSwitch = (line, name) => html`<label class="set-line set-switch"><span><span id="${name}-label">${line.label}</span>${drawNote(line, name)}</span><input type="checkbox" role="switch"
    aria-labelledby="${name}-label" aria-describedby=${line.note ? `${name}-note` : nothing} .checked=${line.isOn} @change=${e => turn(line, e.target)}></label>`;

  async function turn(line, box) {
    const isOn = box.checked;
    box.checked = await line.turn(isOn);
    draw();
  }

  const drawNote = (line, name) => (line.note ? html`<small id="${name}-note">${line.note}</small>` : nothing);

  const drawAction = (line, name) => {
    const inner = html`<span>${line.label}${drawNote(line, name)}</span>${line.icon ?? ICONS.right}`;
    const look = `set-line set-action ${line.isGrave ? 'is-grave' : ''}`;
    return line.href
      ? html`<a class=${look} href=${line.href} @click=${() => dialog.close()}>${inner}</a>`
      : html`<button type="button" class=${look} @click=${() => leaveFor(line.run)}>${inner}</button>`;
  };

  function drawLine(line, name) {
    if (line.choices) return drawChoice(line, name);
    return line.turn ? drawSwitch(line, name) : drawAction(line, name);
  }

  const drawSection = ({title, lines}, at) => html`<section aria-labelledby="set-${at}"><h3 id="set-${at}">${title}</h3>${
    lines.map((line, n) => drawLine(line, `set-${at}-${n}`))}</section>`;

  function draw() {
    render(html`<div class="settings-top"><h2 id="settings-title">${t('side.settings')}</h2><button type="button" class="icon-button"
        aria-label=${t('set.close')} title=${t('set.close')} @click=${() => dialog.close()}>${ICONS.close}</button></div>
      <div class="settings-list" tabindex="-1" autofocus>${list().filter(section => section.lines.length).map(drawSection)}</div>`, dialog);
  }

  return {
    open(sections) {
      list = sections;
      draw();
      if (!dialog.open) dialog.showModal();
    },
  };
}
