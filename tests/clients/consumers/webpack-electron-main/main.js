import * as client from "@adiuva/cloud-client";
import { WebSocket } from "ws";
import { tell } from "../story.mjs";

tell(client, process.env.ADIUVA_URL, { webSocket: WebSocket }).then(console.log);
