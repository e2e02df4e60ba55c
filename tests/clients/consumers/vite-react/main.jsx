import * as client from "@adiuva/cloud-client";
import { StrictMode, use, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { tell } from "../story.mjs";

const api = new URL(location.href).searchParams.get("api");
const story = tell(client, api).catch((error) => error.stack);

function Story() {
  return <p>{use(story)}</p>;
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Suspense fallback="…">
      <Story />
    </Suspense>
  </StrictMode>,
);
