// The published client signs in. Whoever runs this opens the address that it prints, and reads who that is:
//   node sign_in.mjs CLIENT_FOLDER SERVER_URL EMAIL
const [folder, baseUrl, email] = process.argv.slice(2);
const { createAdiuvaClient } = await import(`file://${folder}/build/src/index.js`);
const client = createAdiuvaClient({ baseUrl });
const openBrowser = (url) => process.stdout.write(`${url}\n`);
const { keys } = await client.signInWith({ email }, { openBrowser });
process.stdout.write(`${JSON.stringify({ keys, profile: await client.account.me() })}\n`);
process.exit(0);
