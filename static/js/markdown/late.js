/**
 * Something heavy that is fetched when it is first needed.
 *
 * Elements wait for it plain; when it arrives it is applied to those still in use, and from then
 * on `value` is at hand at once. If it cannot be fetched the elements stay plain, and the next
 * need tries again.
 */

/** @template T */
export class Late {
  /**
   * @param {() => Promise<T>} load
   * @param {(element: Element, value: T) => void} apply
   */
  constructor(load, apply) {
    this.load = load;
    this.apply = apply;
    /** @type {T|null} */
    this.value = null;
    this.waiting = new Set();
    this.loading = null;
  }

  /** @returns {Promise<boolean>} whether it is here */
  ready() {
    this.loading ??= this.load().then(value => this.arrived(value), () => this.failed());
    return this.loading;
  }

  /** @param {Element} element */
  want(element) {
    if (this.value) return this.apply(element, this.value);
    this.waiting.add(element);
    this.ready();
  }

  arrived(value) {
    this.value = value;
    for (const element of this.waiting) this.apply(element, value);
    this.waiting.clear();
    return true;
  }

  failed() {
    this.loading = null;
    this.waiting.clear();
    return false;
  }
}
