/** The shared worker: one feed for all tabs of this browser (relay.js says how). Loaded by feed.js; shares no state with a page. */
import {createRelay} from './relay.js';
import {createStream} from './stream.js';

const relay = createRelay({makeStream: createStream});

addEventListener('connect', ({ports: [port]}) => {
  port.onmessage = ({data}) => relay.hear(port, data);
});
