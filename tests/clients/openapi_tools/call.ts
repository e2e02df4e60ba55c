// Three calls with what @hey-api/openapi-ts has made of openapi.json: address, email and password are the arguments.
import { client } from "./typescript/client.gen";
import { getHealth, getProfile, login } from "./typescript/sdk.gen";

async function main(baseUrl: string, email: string, password: string): Promise<void> {
  client.setConfig({ baseUrl });
  const health = await getHealth({ throwOnError: true });
  const tokens = await login({ body: { email, password }, throwOnError: true });
  const profile = await getProfile({ auth: tokens.data.access_token, throwOnError: true });
  const refused = await getProfile();
  console.log(JSON.stringify([health.data.status, profile.data.email, profile.data.tier, refused.error?.code]));
}

const [address, email, password] = process.argv.slice(2) as [string, string, string];
void main(address, email, password);
