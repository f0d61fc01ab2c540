(() => {
  const form = document.querySelector("form.choices");
  const rows = [...document.querySelectorAll("#leaderboard tbody tr")];

  const filter = () => {
    const wanted = [...form.elements].filter((each) => each.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = wanted.some((each) => row.dataset[each.name] !== each.value);
      if (!row.hidden) shown += 1;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} rows`;
  };

  form.hidden = false;
  form.addEventListener("change", filter);
  // What a browser kept of an earlier visit counts too.
  filter();

  // The address says which card is open, so that it can be sent to somebody.
  const open = () => {
    const card = /^#card-[0-9]+$/.test(location.hash) && document.querySelector(location.hash);
    document.querySelectorAll("dialog[open]").forEach((each) => { if (each !== card) each.close(); });
    if (card && !card.open) card.showModal();
  };
  document.querySelectorAll("dialog").forEach((card) => {
    card.addEventListener("close", () => { if (location.hash === `#${card.id}`) history.replaceState(null, "", location.href.split("#")[0]); });
    // A click beside the card.
    card.addEventListener("click", (event) => { if (event.target === card) card.close(); });
  });
  window.addEventListener("hashchange", open);
  open();
})();
