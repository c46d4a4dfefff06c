/**
 * Asks a chat with the public `openai` client and prints what it understood as one line of JSON.
 * Run by tests/integration/test_public_clients.py: node openai_stream.mjs BASE_URL KEY MODEL PROMPT
 */
import OpenAI from "openai";

const [baseURL, apiKey, model, content] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const stream = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content }],
  stream: true,
  stream_options: { include_usage: true },
});

let text = "";
let pieces = 0;
let usage = null;
let finishReason = null;
for await (const chunk of stream) {
  const choice = chunk.choices[0];
  text += choice?.delta?.content ?? "";
  pieces += choice?.delta?.content ? 1 : 0;
  finishReason = choice?.finish_reason ?? finishReason;
  usage = chunk.usage ?? usage;
}
console.log(JSON.stringify({ text, pieces, usage, finish_reason: finishReason }));
