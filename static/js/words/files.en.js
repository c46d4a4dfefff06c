/** The words of export, import and sharing in English. Loaded by files.js. */
const plural = (n, one, many) => (n === 1 ? `1 ${one}` : `${n.toLocaleString('en')} ${many}`);

export default {
  'export.label': 'Export',
  'export.markdown': 'Markdown, to read',
  'export.json': 'JSON, to bring back',
  'export.json.files': 'JSON with its files',
  'export.copy': 'Copy as Markdown',
  'export.copied': 'Copied as Markdown',
  'export.failed': 'The conversation could not be copied. Try again, or export it as a file.',

  'data.title': 'Your data',
  'data.export': 'Export everything',
  'data.export.note': 'All conversations as one JSON file, which Import takes.',
  'data.export.files': 'Export everything, with files',
  'data.export.files.note': 'The same with what you attached: larger by a third than the files themselves.',
  'data.import': 'Import…',
  'data.import.note': 'From an export of Rill, or from ChatGPT.',

  'import.title': 'Import conversations',
  'import.text': 'Choose a file that Rill exported, or ChatGPT’s conversations.json. The archive that ChatGPT sends you (.zip) works as it is.',
  'import.copies': 'What you have stays as it is: importing a file twice makes copies.',
  'import.choose': 'Choose a file',
  'import.reading': name => `Reading ${name}`,
  'import.sending': (done, total) => `${done.toLocaleString('en')} of ${plural(total, 'conversation', 'conversations')}`,
  'import.stop': 'Stop',
  'import.done': (came, left) => (came
    ? `${plural(came, 'conversation was', 'conversations were')} imported${left ? `, ${left.toLocaleString('en')} left out.` : '.'}`
    : left ? `Nothing was imported: ${plural(left, 'conversation was', 'conversations were')} left out.` : 'The file holds no conversations.'),
  'import.skipped': 'What was left out, and why',
  'import.large.title': 'Too large at once',
  'import.large': n => `An import takes 64 MiB at once, so ${plural(n, 'file was', 'files were')} not sent.`,
  'import.number': n => `Conversation ${n}`,
  'import.json': name => `${name} is not valid JSON. Nothing was imported.`,
  'import.archive': 'This archive holds no conversations.json that can be read. Unpack it and choose the file itself.',

  'share.title': 'Share a conversation',
  'share.text': 'A link shows this branch as it is now, to read only. What is written later is not shown.',
  'share.who': 'Whoever has the link and can reach this server can open it, without signing in, until you revoke it or delete the conversation.',
  'share.reasoning': 'With the model’s thoughts',
  'share.attachments': 'With attachments',
  'share.make': 'Make a link',
  'share.links': 'Links to this conversation',
  'share.link': when => `Link of ${when}`,
  'share.messages': n => plural(n, 'message', 'messages'),
  'share.with.reasoning': 'with thoughts',
  'share.with.attachments': 'with attachments',
  'share.revoke': 'Revoke',
  'share.revoke.label': when => `Revoke the link of ${when}`,
  'share.revoked': 'The link was revoked.',
  'share.copied': 'The link was copied.',
  'share.close': 'Close',
};
