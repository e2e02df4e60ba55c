"use strict";

// Logs in or registers, and hands the token to Swagger UI (`ui`, of its own script), which keeps it over a reload.
(() => {
  const SCHEME = "accessToken";
  const form = document.getElementById("token");
  const said = document.getElementById("token-said");
  const forget = document.getElementById("token-forget");

  const say = (text, failed = false) => {
    said.textContent = text;
    said.className = failed ? "failed" : "";
    forget.hidden = !localStorage.getItem("authorized")?.includes(SCHEME);
  };

  const messageOf = (problem) =>
    [problem.detail, ...Object.entries(problem.errors ?? {}).map(([field, texts]) => `${field}: ${texts.join(" ")}`)].join(" ");

  const useToken = (token) => {
    const schema = { type: "http", scheme: "bearer", bearerFormat: "JWT" };
    ui.authActions.authorizeWithPersistOption({ [SCHEME]: { name: SCHEME, schema, value: token } });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = event.submitter?.value === "register" ? form.dataset.register : form.dataset.login;
    const email = document.getElementById("token-email").value;
    const password = document.getElementById("token-password").value;
    try {
      const answer = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
      const document_ = await answer.json();
      if (!answer.ok) return say(messageOf(document_), true);
      useToken(document_.access_token);
      say(`You are ${email}. Open an operation, then Try it out.`);
    } catch (error) {
      say(`There is no answer: ${error.message}`, true);
    }
  });

  forget.addEventListener("click", () => {
    ui.authActions.logoutWithPersistOption([SCHEME]);
    say("");
  });

  say(localStorage.getItem("authorized")?.includes(SCHEME) ? "A token is kept from before." : "");
})();
