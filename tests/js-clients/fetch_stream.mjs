/**
 * Asks a chat with nothing but fetch and prints the body as it came, byte for byte; the number of reads goes to standard error.
 * Run by tests/integration/test_public_clients.py: node fetch_stream.mjs BASE_URL KEY MODEL PROMPT
 */
const [baseURL, key, model, content] = process.argv.slice(2);
const response = await fetch(`${baseURL}/chat/completions`, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
  body: JSON.stringify({ model, messages: [{ role: "user", content }], stream: true, stream_options: { include_usage: true } }),
});
if (!response.ok) throw new Error(`status ${response.status}`);

let reads = 0;
for await (const part of response.body) {
  process.stdout.write(part);
  reads += 1;
}
console.error(reads);
