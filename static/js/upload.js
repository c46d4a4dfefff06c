/**
 * One file to the server: pictures made smaller here first, upright and without what the camera wrote beside them; then the
 * bytes, with progress. Decides nothing about what is taken, the server does, and draws nothing. Called by attach.js.
 */
import {ApiError} from './api.js';
import {said, t} from './words.js';

const MAX_EDGE = 2048; // pixels; as on the server, where no model looks at more
const EXACT_BYTES = 4_000_000; // a drawing or a screenshot goes as it is up to here
const QUALITY = 0.92;
export const MAX_BYTES = 20_000_000;

/** @param {File} file @returns {Promise<Blob>} a picture made anew; any other file, and what the browser cannot draw, as it is */
export async function prepare(file) {
  if (!file.type.startsWith('image/') || file.type === 'image/svg+xml') return file;
  let picture;
  try {
    picture = await createImageBitmap(file, {imageOrientation: 'from-image'});
  } catch {
    return file; // the server says what is wrong with it
  }
  const scale = Math.min(1, MAX_EDGE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const as = type => new Promise(done => { canvas.toBlob(done, type, QUALITY); });
  if (file.type === 'image/png' || file.type === 'image/gif') {
    const exact = await as('image/png');
    if (exact?.size <= EXACT_BYTES) return exact;
  }
  return await as(file.type === 'image/jpeg' ? 'image/jpeg' : 'image/webp') ?? file;
}

/** The ending goes with the kind: a GIF becomes a PNG here. */
export function nameFor(name, blob) {
  const ending = {'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp'}[blob.type];
  if (!ending || blob instanceof File) return name;
  const stem = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name;
  return name.toLowerCase().endsWith(`.${ending}`) || (ending === 'jpg' && /\.jpe?g$/i.test(name)) ? name : `${stem}.${ending}`;
}

/**
 * @param {{api: object, blob: Blob, name: string, key: string, onProgress: (share: number) => void, signal: AbortSignal}} what
 * @returns {Promise<object>} the attachment; throws ApiError
 */
export async function send({api, blob, name, key, onProgress, signal}, mayRetry = true) {
  const body = new FormData();
  body.append('file', blob, name);
  const request = new XMLHttpRequest(); // fetch does not tell how much of a body is gone
  request.open('POST', '/api/attachments');
  request.responseType = 'json';
  request.setRequestHeader('X-CSRF-Token', api.token());
  request.setRequestHeader('Idempotency-Key', key);
  request.upload.addEventListener('progress', event => onProgress(event.loaded / event.total));
  signal.addEventListener('abort', () => request.abort());
  await new Promise(done => {
    request.addEventListener('loadend', done);
    request.send(body);
  });
  if (request.status === 201) return request.response;
  const {type = 'offline', message = t('error.offline')} = request.response?.error ?? {};
  if (type === 'csrf' && mayRetry) {
    await api.session();
    return send({api, blob, name, key, onProgress, signal}, false);
  }
  throw new ApiError(await said(message), {status: request.status, type});
}
