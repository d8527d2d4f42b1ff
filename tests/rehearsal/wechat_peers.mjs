// What three independent libraries make of WeChat's envelope: @wecom/crypto, wechat-crypto and co-wechat.
//   node wechat_peers.mjs <folder with node_modules> vectors < wanted.json    seals texts, prints JSON
//   node wechat_peers.mjs <folder with node_modules> serve <token> <key> <app id>    answers pushes with co-wechat
import { createRequire } from "node:module";
import { createServer } from "node:http";

const [folder, what, ...more] = process.argv.slice(2);
const require = createRequire(`${folder}/`);

async function vectors() {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  const { token, aes_key: key, app_id: app, cases } = JSON.parse(text);
  const wecom = require("@wecom/crypto");
  const Older = require("wechat-crypto");
  const older = new Older(token, key, app);
  const made = cases.map((one) => {
    const random = Buffer.from(one.random16, "hex");
    const byWecom = wecom.encrypt(key, one.text, app, random);
    const byOlder = one.older ?? older.encrypt(one.text);
    return {
      ...one,
      wecom: byWecom,
      wechat_crypto: byOlder,
      signature: wecom.getSignature(token, one.timestamp, one.nonce, byWecom),
      signature_too: older.getSignature(one.timestamp, one.nonce, byWecom),
      read_back: one.sealed ? [wecom.decrypt(key, one.sealed).message, older.decrypt(one.sealed).message] : [],
    };
  });
  console.log(JSON.stringify(made));
}

function serve([token, encodingAESKey, appid]) {
  const wechat = require("co-wechat");
  const answer = wechat({ token, appid, encodingAESKey, checkSignature: true }).middleware(async (message) => `heard: ${message.Content}`);
  const server = createServer(async (req, res) => {
    const ctx = { req, res, request: {}, method: req.method, query: Object.fromEntries(new URL(req.url, "http://127.0.0.1").searchParams) };
    try {
      await answer(ctx);
      res.statusCode = ctx.status ?? 200;
      res.end(ctx.body ?? "");
    } catch (bad) {
      res.statusCode = 500;
      res.end(String(bad));
    }
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}

await (what === "serve" ? serve(more) : vectors());
