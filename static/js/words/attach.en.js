/** Words for files: attached, shown, sent. */
const plural = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
const and = new Intl.ListFormat('en');
/** The names, and the verb for one or for more. */
const who = (models, one, more) => `${and.format(models)} ${models.length === 1 ? one : more}`;

export default {
  'attach.list': 'Files',
  'attach.drop': 'Drop files to attach them',
  'attach.unnamed': 'file',
  'attach.kb': n => `${n} kB`,
  'attach.mb': n => `${n} MB`,
  'attach.pages': n => plural(n, 'page', 'pages'),
  'attach.progress': name => `Uploading ${name}`,
  'attach.remove': name => `Remove ${name}`,
  'attach.removed': name => `${name} was removed.`,
  'attach.retry': name => `Upload ${name} again`,
  'attach.open': name => `Show ${name} large`,
  'attach.download': name => `Download ${name}`,
  'attach.close': 'Close',
  'attach.broken': 'not stored any more',
  'attach.gone': name => `${name} was attached too long ago and is gone. Attach it again.`,
  'attach.many': n => `A message takes ${n} files at most. The others were left out.`,
  'attach.large': mb => `Larger than ${mb} MB, the most for one file.`,
  'attach.empty': 'This file is empty.',
  'attach.wait': 'A file is still being uploaded. Wait for it, or remove it.',
  'attach.failed': 'A file could not be uploaded. Try it again, or remove it.',
  'attach.image.no': models => `${who(models, 'does not list images among what it takes', 'do not list images among what they take')}. Images are sent all the same, and may be refused.`,
  'attach.image.unknown': models => `It is not known whether ${who(models, 'takes', 'take')} images. They are sent all the same.`,
  'attach.pdf.file': (name, models) => `${name} goes to ${models ? and.format(models) : 'the model'} as a PDF.`,
  'attach.pdf.text': (name, n, models) => `${who(models, 'takes', 'take')} no PDF here: of ${name} ${models.length === 1 ? 'it gets' : 'they get'} the text, ${plural(n, 'character', 'characters')}, without pictures.`,
  'attach.pdf.cut': (name, n, models) => `${who(models, 'takes', 'take')} no PDF here: of ${name} ${models.length === 1 ? 'it gets' : 'they get'} the first ${plural(n, 'character', 'characters')} of text.`,
  'attach.pdf.none': (name, models) => `No text can be read from ${name}, and ${who(models, 'takes', 'take')} no PDF here: ${models.length === 1 ? 'it' : 'they'} would see nothing of it.`,
  'attach.way.file': 'sent as PDF',
  'attach.way.text': 'sent as its text',
  'attach.way.none': 'no text to send',
  'attach.way.missing': 'could not be sent',
};
