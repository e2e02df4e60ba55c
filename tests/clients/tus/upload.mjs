// Uploads one file as an app would: `node upload.mjs '{"endpoint", "token", "file", "metadata", …}'`.
// Says what happens in lines of JSON: {"event": "progress" | "paused" | "success" | "error", …}.
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import * as tus from "tus-js-client";

const { endpoint, token, file, metadata, chunkSize, pauseAt, cutAt } = JSON.parse(process.argv[2]);
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);

/** Between the client and the server; the first connection that has sent `bytes` is cut off in the middle. */
async function cuttingProxy(target, bytes) {
  let left = bytes;
  const proxy = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
    const end = () => { client.destroy(); server.destroy(); };
    client.on("data", (data) => {
      if (left > 0 && (left -= data.length) <= 0) { say("cut"); end(); } else server.write(data);
    });
    server.on("data", (data) => client.write(data));
    for (const one of [client, server]) one.on("close", end).on("error", end);
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  proxy.unref();
  return `http://127.0.0.1:${proxy.address().port}${target.pathname}`;
}

const url = cutAt ? await cuttingProxy(new URL(endpoint), cutAt) : endpoint;
let paused = false;

await new Promise((done) => {
  const upload = new tus.Upload(readFileSync(file), {
    endpoint: url,
    metadata,
    ...(chunkSize ? { chunkSize } : {}),
    headers: { Authorization: `Bearer ${token}` },
    retryDelays: Array(1000).fill(200),
    onAfterResponse: (request, response) => {
      const asked = { method: request.getMethod(), status: response.getStatus() };
      const place = response.getHeader("Content-Location");
      say("answer", { ...asked, offset: Number(response.getHeader("Upload-Offset") ?? -1), place });
    },
    onProgress: (sent) => {
      say("progress", { sent });
      if (pauseAt && !paused && sent >= pauseAt) {
        paused = true;
        upload.abort().then(() => { say("paused"); upload.start(); });
      }
    },
    onSuccess: () => { say("success", { url: upload.url }); done(); },
    onError: (error) => { say("error", { status: error.originalResponse?.getStatus() ?? 0 }); done(); },
  });
  upload.start();
});
