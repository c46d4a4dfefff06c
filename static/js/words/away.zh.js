/** 通知里的文字。由 away.js 载入。 */
export default {
  'away.ended': '回答已经结束。',
};
