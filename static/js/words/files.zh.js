/** 导出、导入与分享的中文。Loaded by files.js. */
const n = number => number.toLocaleString('zh');

export default {
  'export.label': '导出',
  'export.markdown': 'Markdown，便于阅读',
  'export.json': 'JSON，便于导回',
  'export.json.files': 'JSON，含文件',
  'export.copy': '复制为 Markdown',
  'export.copied': '已复制为 Markdown',
  'export.failed': '对话没能复制。请再试一次，或导出为文件。',

  'data.title': '你的数据',
  'data.export': '导出全部',
  'data.export.note': '所有对话存为一个 JSON 文件，可再导入。',
  'data.export.files': '导出全部，含文件',
  'data.export.files.note': '同上，并包含你添加的文件；比文件本身大三分之一。',
  'data.import': '导入…',
  'data.import.note': '来自 Rill 的导出文件，或来自 ChatGPT。',

  'import.title': '导入对话',
  'import.text': '选择 Rill 导出的文件，或 ChatGPT 的 conversations.json。ChatGPT 发来的压缩包（.zip）可以直接用。',
  'import.copies': '已有的内容不会改变：同一个文件导入两次会得到两份。',
  'import.choose': '选择文件',
  'import.reading': name => `正在读取 ${name}`,
  'import.sending': (done, total) => `已导入 ${n(done)} 个，共 ${n(total)} 个对话`,
  'import.stop': '停止',
  'import.done': (came, left) => (came
    ? `导入了 ${n(came)} 个对话${left ? `，略过 ${n(left)} 个。` : '。'}`
    : left ? `没有导入任何内容：略过了 ${n(left)} 个对话。` : '文件里没有对话。'),
  'import.skipped': '略过了哪些，为什么',
  'import.large.title': '一次放不下',
  'import.large': count => `一次最多导入 64 MiB，因此有 ${n(count)} 个文件没有发送。`,
  'import.number': number => `第 ${n(number)} 个对话`,
  'import.json': name => `${name} 不是有效的 JSON。没有导入任何内容。`,
  'import.archive': '这个压缩包里没有可读的 conversations.json。请解压后直接选择该文件。',

  'share.title': '分享对话',
  'share.text': '链接只读地显示这个分支现在的样子，之后写的不会显示。',
  'share.who': '凡是拿到链接并能访问这台服务器的人都可以打开，无需登录，直到你撤销链接或删除对话。',
  'share.reasoning': '包含模型的思考过程',
  'share.attachments': '包含附件',
  'share.make': '生成链接',
  'share.links': '这个对话的链接',
  'share.link': when => `${when} 的链接`,
  'share.messages': count => `${n(count)} 条消息`,
  'share.with.reasoning': '含思考过程',
  'share.with.attachments': '含附件',
  'share.revoke': '撤销',
  'share.revoke.label': when => `撤销 ${when} 的链接`,
  'share.revoked': '链接已撤销。',
  'share.copied': '链接已复制。',
  'share.close': '关闭',
};
