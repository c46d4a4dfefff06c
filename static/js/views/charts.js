/**
 * Bars over time, as SVG of our own: thin, labelled where they stand, readable without colour (what is uncertain is hatched). Pure:
 * drawn in pixels of the width that is handed in, so that text has its true size everywhere. Called by usage.js.
 */
import {nothing, svg} from 'lit-html';

const TOP = 20; // for the label of the highest bar
const FOOT = 20; // for the dates
const GAP = 0.28; // of a bar's place
const WIDEST = 28;
const EDGE = 48; // nearer to an edge, a label is set to it
const DATE_WIDTH = 84;

/**
 * @param {{width: number, height: number, bars: {label: string, value: number, part?: number, title: string}[], name: string,
 *   format: (n: number) => string, hatch: string, scale?: number}} chart `part` of a value is hatched; `hatch` is an id of its own; `scale`: how
 *   many times its usual size the person's text is
 */
export function barChart({width, height, bars, name, format, hatch, scale = 1}) {
  const [top, foot, edge] = [TOP * scale, FOOT * scale, EDGE * scale];
  const most = Math.max(...bars.map(bar => bar.value));
  const floor = height - foot;
  const place = width / bars.length;
  const thick = Math.min(WIDEST, Math.max(1, place * (1 - GAP)));
  const middle = n => place * (n + 0.5);

  const drawBar = ({value, part = 0, title}, n) => {
    if (!value) return nothing;
    const tall = Math.max(1.5, value / most * (floor - top));
    const hatched = Math.min(tall, tall * part / value);
    const x = (middle(n) - thick / 2).toFixed(1);
    return svg`<g class="bar"><title>${title}</title><rect class="bar-reach" x=${(place * n).toFixed(1)} y="0" width=${place.toFixed(1)} height=${floor}/>
      <rect class="bar-sure" x=${x} y=${(floor - tall + hatched).toFixed(1)} width=${thick.toFixed(1)} height=${(tall - hatched).toFixed(1)}/>
      <rect class="bar-part" x=${x} y=${(floor - tall).toFixed(1)} width=${thick.toFixed(1)} height=${hatched.toFixed(1)} fill="url(#${hatch})"/></g>`;
  };

  const drawLabel = (n, y, kind, words) => {
    const [x, anchor] = middle(n) < edge ? [0, 'start'] : middle(n) > width - edge ? [width, 'end'] : [middle(n).toFixed(1), 'middle'];
    return svg`<text class=${kind} x=${x} y=${y} text-anchor=${anchor}>${words}</text>`;
  };

  return svg`<svg viewBox="0 0 ${width} ${height}" width=${width} height=${height} role="img" aria-label=${name}>
    <defs><pattern id=${hatch} class="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="4" height="4"/><path d="M0 0V4"/></pattern></defs>
    ${bars.map(drawBar)}
    <path class="bar-floor" d="M0 ${floor + 0.5}H${width}"/>
    ${most ? drawLabel(bars.findIndex(bar => bar.value === most), top - 7 * scale, 'bar-most', format(most)) : nothing}
    ${datesAt(bars.length, width / scale).map(n => drawLabel(n, height - 4 * scale, 'bar-date', bars[n].label))}
  </svg>`;
}

/** @returns {number[]} which bars get their date: the first, the last, and as many between as there is room for, evenly */
export function datesAt(count, width) {
  const steps = Math.max(1, Math.min(count - 1, Math.floor(width / DATE_WIDTH) - 1, 6));
  return [...new Set(Array.from({length: steps + 1}, (_, n) => Math.round(n * (count - 1) / steps)))];
}
