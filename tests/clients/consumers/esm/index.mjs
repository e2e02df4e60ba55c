import * as client from "@adiuva/cloud-client";
import { tell } from "../story.mjs";

console.log(await tell(client, process.env.ADIUVA_URL));
