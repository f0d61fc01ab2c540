(() => {
  const choose = () => {
    const [measure, method] = ["measure", "method"].map((name) => document.getElementById(name).value);
    let shown = false;
    document.querySelectorAll(".matrix").forEach((matrix) => {
      const chosen = matrix.dataset.measure === measure && matrix.dataset.method === method;
      matrix.hidden = !chosen;
      shown = shown || chosen;
    });
    document.getElementById("no-matrix").hidden = shown;
  };

  if (document.getElementById("measure")) {
    document.querySelector(".choices").hidden = false;
    for (const name of ["measure", "method"]) document.getElementById(name).addEventListener("change", choose);
    choose();
  }
  // A closed part that the address points to would seem to be missing.
  const opened = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  };
  opened();
  window.addEventListener("hashchange", opened);
})();
