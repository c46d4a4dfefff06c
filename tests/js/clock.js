/** Time by hand, for tests of what waits: due timers run in their order, each at its own moment. Used by *.test.js. */
export class Clock {
  constructor() {
    Object.assign(this, {now: 0, timers: new Map(), count: 0});
    const set = (run, ms, every) => (this.timers.set(++this.count, {at: this.now + ms, run, every}), this.count);
    globalThis.setTimeout = (run, ms, ...args) => set(() => run(...args), ms, 0);
    globalThis.setInterval = (run, ms) => set(run, ms, ms);
    globalThis.clearTimeout = globalThis.clearInterval = id => this.timers.delete(id);
  }

  tick(ms) {
    const end = this.now + ms;
    for (;;) {
      const [id, next] = [...this.timers].sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (!next || next.at > end) break;
      this.now = next.at;
      if (next.every) next.at += next.every;
      else this.timers.delete(id);
      next.run();
    }
    this.now = end;
  }

  /** Time passes and no timer runs; what was due meanwhile is due from now on. */
  sleep(ms) {
    this.now += ms;
    for (const timer of this.timers.values()) timer.at += ms;
  }
}
