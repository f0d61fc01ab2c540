"use strict";
// The token is in the fragment, which browsers send to nobody; it is worth a cookie.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", "/");
  const note = document.getElementById("login");
  fetch("/api/login", { method: "POST", body: JSON.stringify({ token }) })
    .then(async (answer) => {
      if (answer.ok) location.replace("/");
      else note.textContent = (await answer.json()).error;
    })
    .catch(() => { note.textContent = "The server does not answer."; });
}
