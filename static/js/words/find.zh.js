/** 在对话中查找的中文。由 find.js 载入。 */
export default {
  'find.label': '在此对话中查找',
  'find.hint': '在此对话中查找',
  'find.count': (at, of) => `第 ${at} 处，共 ${of.toLocaleString('zh')} 处`,
  'find.none': '没有找到',
  'find.older': '上一处',
  'find.newer': '下一处',
  'find.close': '关闭',
  'find.gone': '那条消息已不在了，可能后来被删除。',
};
