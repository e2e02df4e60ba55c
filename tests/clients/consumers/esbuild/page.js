import * as client from "@adiuva/cloud-client";
import { show } from "../page.mjs";

show(client);
