import * as client from "@adiuva/cloud-client";
import { tell } from "../story.mjs";

tell(client, process.env.ADIUVA_URL).then(console.log);
