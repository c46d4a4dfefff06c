/**
 * Making elements and comparing them: the small tools of the Markdown view.
 *
 * Untrusted text goes through `textContent`, `append` and `setAttribute` only, so the page runs
 * under `require-trusted-types-for 'script'` and nothing here needs a sanitiser.
 */

/**
 * @param {string} tag @param {Record<string, string>} [attributes] @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Appends text, growing the text node that is already last. @param {Node} parent @param {string} text */
export function addText(parent, text) {
  const last = parent.lastChild;
  if (last?.nodeType === Node.TEXT_NODE) last.appendData(text);
  else parent.append(text);
}

/** Maths is replaced whole: comparing its hundreds of spans costs more than it saves. */
function hasSameShell(a, b) {
  if (a.nodeType !== Node.ELEMENT_NODE || b.nodeType !== Node.ELEMENT_NODE) return false;
  if (a.localName !== b.localName || a.attributes.length !== b.attributes.length) return false;
  if (a.classList.contains('math')) return false;
  return [...b.attributes].every(({ name, value }) => a.getAttribute(name) === value);
}

/** Replaces only what differs, so that a selection in the equal beginning stays. */
function morphText(node, data) {
  const old = node.data;
  let same = 0;
  while (same < old.length && same < data.length && old[same] === data[same]) same++;
  if (same === old.length) node.appendData(data.slice(same));
  else node.replaceData(same, old.length - same, data.slice(same));
}

const isButton = node => node.localName === 'button';

function morphNode(node, wanted) {
  if (isButton(node) && isButton(wanted)) return; // what it says just now ("Copied") is its own, and so is the focus
  if (node.isEqualNode(wanted)) return;
  if (node.nodeType === Node.TEXT_NODE && wanted.nodeType === Node.TEXT_NODE) morphText(node, wanted.data);
  else if (hasSameShell(node, wanted)) morph(node, node.firstChild, null, wanted);
  else node.replaceWith(wanted);
}

/**
 * Makes the children of `parent` from `from` up to (not including) `to` equal to those of `source`,
 * which is used up. Nodes that are equal already are not touched.
 * @param {Node} parent @param {Node|null} from @param {Node|null} to @param {Node} source
 */
export function morph(parent, from, to, source) {
  let old = from;
  let wanted = source.firstChild;
  while (old !== to && wanted) {
    const nextOld = old.nextSibling;
    const nextWanted = wanted.nextSibling;
    morphNode(old, wanted);
    old = nextOld;
    wanted = nextWanted;
  }
  while (old !== to) {
    const next = old.nextSibling;
    old.remove();
    old = next;
  }
  while (wanted) {
    const next = wanted.nextSibling;
    parent.insertBefore(wanted, to);
    wanted = next;
  }
}
