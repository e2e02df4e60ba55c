const client = require("@adiuva/cloud-client");

import("../story.mjs").then(async ({ tell }) => console.log(await tell(client, process.env.ADIUVA_URL)));
