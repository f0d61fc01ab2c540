"use strict";
// All text of the archive is set as text, never as markup.
const by = (id) => document.getElementById(id);
const AT_A_TIME = 3;
const state = { query: null, answer: null, first: 0, offset: 0, viewers: [], map: null, busy: 0, place: [0.5, 0.5, 0.5] };

const fixed = (value, digits) => (value === null || value === undefined ? "" : value.toFixed(digits));
const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function cells(row, values) {
  for (const [text, className] of values) row.append(element("td", text, className));
}

function button(text, label, action) {
  const made = element("button", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

function fail(message) {
  by("error").textContent = message;
  by("error").hidden = !message;
}

async function ask(address, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  for (let tries = 0; ; tries += 1) {
    let answer;
    try {
      answer = await fetch(address, options);
    } catch {
      throw new Error("The server does not answer. Is it still running?");
    }
    const content = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    if (answer.ok) return content;
    if (answer.status !== 503 || tries > 20) throw new Error(content.error);
    await wait(Number(answer.headers.get("retry-after")) || 3);
  }
}

const STAGES = { queued: "Waiting", preparing: "Preparing", embedding: "Embedding", searching: "Searching", mapping: "Computing" };

async function finished(job, tell) {
  for (let tries = 0; ; tries += 1) {
    const now = await ask(`/api/jobs/${job}`);
    if (now.stage === "failed") throw new Error(now.error);
    if (now.stage === "done") return now.result;
    const ahead = now.ahead ? `: ${now.ahead} before this` : "";
    tell(`${STAGES[now.stage] || now.stage}${ahead} …`, now.share);
    await wait(tries < 10 ? 0.15 : 0.6);
  }
}

function tell(text, share) {
  by("progress").hidden = !text;
  if (by("stage").textContent !== text) by("stage").textContent = text;
  if (share === null || share === undefined) by("bar").removeAttribute("value");
  else by("bar").value = share;
}

// What is asked last is what is shown.
async function working(work) {
  const mine = (state.busy += 1);
  const current = () => mine === state.busy;
  fail("");
  try {
    await work((text, share) => { if (current()) tell(text, share); }, current);
  } catch (error) {
    if (current()) fail(error.message);
  } finally {
    if (current()) tell("");
  }
}

function wanted() {
  const excluded = [...document.querySelectorAll("input[name=exclude]:checked")].map((each) => each.value);
  const graph = by("approximate");
  return {
    k: Number(by("k").value), filter: by("filter").value, exclude_sites: excluded, one_per_subject: by("one").checked,
    ...(graph ? { approximate: graph.checked } : {}),
  };
}

async function search(what, told, current) {
  if (!by("k").checkValidity()) throw new Error(`Hits: 1 to ${by("k").max} are allowed.`);
  told("Searching …");
  const { job } = await ask("/api/search", { ...what, ...wanted() });
  const result = await finished(job, told);
  if (current()) show(result);
}

function upload(form, told) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/queries");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => told("Uploading …", event.loaded / event.total));
    request.addEventListener("error", () => failed(new Error("The upload broke off.")));
    request.addEventListener("load", () => {
      if (request.status === 202) done(request.response.job);
      else failed(new Error((request.response && request.response.error) || `the server answered ${request.status}`));
    });
    request.send(new FormData(form));
  });
}

by("file-form").addEventListener("submit", (event) => {
  event.preventDefault();
  working(async (told, current) => {
    const files = ["image", "mask"].map((name) => by(name) && by(name).files[0]).filter(Boolean);
    const limit = Number(document.body.dataset.uploadLimit);
    if (files.reduce((sum, file) => sum + file.size, 0) > limit) {
      throw new Error(`At most ${Math.floor(limit / 1e6)} MB may be uploaded (--max_upload).`);
    }
    const job = await upload(event.target, told);
    const embedded = await finished(job, told);
    await search({ query: embedded.query }, told, current);
  });
});

by("wanted").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state.query) working((told, current) => search({ query: state.query, force: state.forced === state.query }, told, current));
});

by("force").addEventListener("click", () => {
  state.forced = state.query;
  working((told, current) => search({ query: state.query, force: true }, told, current));
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  by("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    by("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) by("image").files = event.dataTransfer.files;
  });
}

// The archive's list.
async function list(offset) {
  const found = await ask(`/api/scans?words=${encodeURIComponent(by("words").value)}&offset=${offset}`);
  state.offset = offset;
  state.page = found.page;
  const last = offset + found.scans.length;
  by("list-count").textContent = found.total ? `${offset + 1} to ${last} of ${found.total} scans` : "No scan has all of these words.";
  by("list-before").disabled = offset === 0;
  by("list-after").disabled = last >= found.total;
  by("list").tBodies[0].replaceChildren(...found.scans.map((scan) => {
    const row = element("tr");
    const name = `${scan.subject_id} / ${scan.session_id}`;
    const cell = element("td");
    cell.append(button("Search", `Search with ${name} of ${scan.site}`, () => {
      working((told, current) => search({ scan: scan.scan }, told, current));
    }));
    row.append(cell);
    cells(row, [[name, "name"], [scan.site, "site"], [scan.diagnosis], [fixed(scan.age, 1), "n"], [scan.sex]]);
    return row;
  }));
}

const listed = (offset) => list(offset).catch((error) => fail(error.message));
by("list-form").addEventListener("submit", (event) => { event.preventDefault(); listed(0); });
by("list-before").addEventListener("click", () => listed(Math.max(state.offset - state.page, 0)));
by("list-after").addEventListener("click", () => listed(state.offset + state.page));

// The answer.
function interval(share) {
  const make = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const at = (value) => 4 + 192 * value;
  const drawn = make("svg", { class: "interval", viewBox: "0 0 200 16", "aria-hidden": "true" });
  drawn.append(make("line", { class: "axis", x1: at(0), x2: at(1), y1: 8, y2: 8 }));
  if (share.share !== null) {
    drawn.append(
      make("line", { class: "range", x1: at(share.low), x2: at(share.high), y1: 8, y2: 8 }),
      make("circle", { class: "point", cx: at(share.share), cy: 8, r: 4 }),
    );
  }
  if (share.base !== null) drawn.append(make("line", { class: "base", x1: at(share.base), x2: at(share.base), y1: 1, y2: 15 }));
  return drawn;
}

function shareRow(share, name) {
  const row = element("tr");
  const range = share.low === null ? "" : `${fixed(share.low, 2)} to ${fixed(share.high, 2)}`;
  cells(row, [[name], [fixed(share.share, 2), "n"], [range, "n"], [fixed(share.base, 2), "n"]]);
  const cell = element("td");
  cell.append(interval(share));
  row.append(cell);
  return row;
}

function bullets(place, lines) {
  place.hidden = !lines.length;
  place.querySelector("ul").replaceChildren(...lines.map((line) => element("li", line)));
}

function show(answer) {
  state.query = answer.query;
  by("again").disabled = false;
  by("answer").hidden = false;
  by("answer-title").textContent = `Hits of ${answer.name}`;
  bullets(by("refused"), answer.refused || []);
  by("found").hidden = Boolean(answer.refused);
  by("answer").focus({ preventScroll: true });
  by("answer").scrollIntoView({ block: "start" });
  if (answer.refused) return;
  state.answer = answer;
  bullets(by("warnings"), answer.warnings);
  const said = [`${answer.could_be_found} scans could have been found.`];
  if (answer.known_subject) said.push(`${answer.own_subject_left_out} of the query's own subject were left out.`);
  else said.push("The query's subject is not known, so that its own scans may be among the hits.");
  if (answer.approximate) said.push("Searched approximately: some of the nearest may be missing.");
  if (!answer.hits.length) said.push("Nothing is found: no scan of the archive may be, by what is asked.");
  by("summary").textContent = said.join(" ");
  by("hits").tBodies[0].replaceChildren(...answer.hits.map((hit, place) => {
    const row = element("tr");
    const about = [
      [String(hit.rank), "n"], [fixed(hit.similarity, 3), "n"], [fixed(hit.percentile, 1), "n"], [hit.site, "site"],
      [fixed(hit.age, 1), "n"], [hit.sex], [hit.diagnosis], [hit.subject_id, "name"], [hit.session_id],
    ];
    const cell = element("td");
    cell.append(button("Show", `Show hit ${hit.rank}`, () => {
      page(place);
      by("images").scrollIntoView({ block: "start" });
    }));
    row.append(cell);
    cells(row, about);
    return row;
  }));
  by("csv").href = `/api/answers/${answer.answer}.csv`;
  by("json").href = `/api/answers/${answer.answer}.json`;
  const own = answer.own_site;
  by("shares").tBodies[0].replaceChildren(
    ...answer.diagnoses.map((share) => shareRow(share, share.name)),
    ...(own ? [shareRow(own, `own site, ${own.name}`)] : []),
  );
  by("own").textContent = own
    ? `The base rate of the own site is what a search that is blind to sites gives on average.${own.share > own.base && own.beyond_base ? " The share is beyond chance: the site shows." : ""}`
    : "The query's site is not known, or no scan of it could have been found.";
  by("told").replaceChildren(...answer.model.map((line) => element("p", line)), element("p", answer.note, "note"));
  by("map-hit").replaceChildren(...answer.hits.map((hit) => {
    const option = element("option", `${hit.rank}: ${hit.site}, ${hit.subject_id}`);
    option.value = hit.scan;
    return option;
  }));
  by("map-viewer").hidden = true;
  by("map-state").textContent = "";
  page(0);
}

// Viewers: the query, some hits, one map. Browsers allow few of them, so that they are used again.
function webgl() {
  return Boolean(window.niivue && document.createElement("canvas").getContext("webgl2"));
}

async function viewer(parent) {
  const figure = element("figure");
  const box = element("div", undefined, "canvas");
  const canvas = element("canvas");
  const caption = element("figcaption");
  box.append(canvas);
  figure.append(box, caption);
  parent.append(figure);
  const shown = new niivue.Niivue({
    dragAndDropEnabled: false, show3Dcrosshair: false, isColorbar: false, backColor: [0, 0, 0, 1], crosshairWidth: 1,
    crosshairWidthUnit: "mm", crosshairColor: [1, 0.25, 0.2, 0.8], multiplanarShowRender: niivue.SHOW_RENDER.NEVER,
    logLevel: "error", loadingText: "",
  });
  await shown.attachToCanvas(canvas);
  shown.setSliceType(Number(by("slices").value));
  const made = { figure, canvas, caption, shown, loaded: "" };
  shown.onLocationChange = () => {
    const place = [...shown.scene.crosshairPos];
    if (place.every((each, axis) => Math.abs(each - state.place[axis]) < 1e-4)) return;
    state.place = place;
    everywhere(made);
  };
  return made;
}

function everywhere(but) {
  ["x", "y", "z"].forEach((name, axis) => { by(name).value = state.place[axis]; });
  for (const each of [...state.viewers, state.map]) {
    if (!each || each === but || !each.loaded) continue;
    each.shown.scene.crosshairPos = [...state.place];
    each.shown.drawScene();
  }
}

async function load(place, title, volumes) {
  const wanted = volumes.map((volume) => volume.url).join(" ");
  place.figure.hidden = false;
  place.caption.textContent = title;
  place.canvas.setAttribute("role", "img");
  place.canvas.setAttribute("aria-label", title);
  if (place.loaded === wanted) return;
  place.asked = wanted;
  place.caption.textContent = `${title} …`;
  try {
    const contents = await Promise.all(volumes.map(async ({ url, ...options }) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error((await answer.json()).error);
      return niivue.NVImage.loadFromUrl({ url: await answer.arrayBuffer(), name: "volume.nii", ...options });
    }));
    if (place.asked !== wanted) return;
    while (place.shown.volumes.length) place.shown.removeVolumeByIndex(0);
    for (const content of contents) place.shown.addVolume(content);
    place.loaded = wanted;
    place.shown.scene.crosshairPos = [...state.place];
    place.shown.updateGLVolume();
    place.caption.textContent = title;
  } catch (error) {
    if (place.asked === wanted) place.caption.textContent = `${title}: ${error.message}`;
  }
}

let paging = Promise.resolve();
function page(place) {
  paging = paging.then(() => paged(place)).catch((error) => fail(error.message));
}

async function paged(place) {
  const { answer } = state;
  state.first = Math.floor(place / AT_A_TIME) * AT_A_TIME;
  by("hits-before").disabled = state.first === 0;
  by("hits-after").disabled = state.first + AT_A_TIME >= answer.hits.length;
  [...by("hits").tBodies[0].rows].forEach((row, number) => {
    row.classList.toggle("shown", number >= state.first && number < state.first + AT_A_TIME);
  });
  if (!webgl()) {
    by("no-viewer").hidden = false;
    by("images").hidden = true;
    return;
  }
  while (state.viewers.length < AT_A_TIME + 1) state.viewers.push(await viewer(by("viewers")));
  const [query, ...others] = state.viewers;
  load(query, `Query: ${answer.name}`, [{ url: `/api/queries/${answer.query}/volume.nii` }]);
  others.forEach((each, number) => {
    const hit = answer.hits[state.first + number];
    each.figure.hidden = !hit;
    if (!hit) return;
    const about = [hit.site, hit.diagnosis, hit.age === null ? "" : `${fixed(hit.age, 0)} years`, hit.sex].filter(Boolean);
    load(each, `${hit.rank}: ${about.join(", ")}; ${fixed(hit.similarity, 3)}`, [{ url: `/api/scans/${hit.scan}/volume.nii` }]);
  });
}

by("hits-before").addEventListener("click", () => page(state.first - AT_A_TIME));
by("hits-after").addEventListener("click", () => page(state.first + AT_A_TIME));
by("slices").addEventListener("change", () => {
  for (const each of [...state.viewers, state.map]) if (each) each.shown.setSliceType(Number(by("slices").value));
});
["x", "y", "z"].forEach((name, axis) => by(name).addEventListener("input", () => {
  state.place[axis] = Number(by(name).value);
  everywhere(null);
}));

for (const each of document.querySelectorAll("[data-map]")) {
  each.addEventListener("click", async () => {
    const { answer } = state;
    const hit = answer.hits.find((one) => one.scan === by("map-hit").value);
    const said = (text, share) => {
      by("map-state").textContent = text;
      by("map-bar").hidden = share === undefined || share === null;
      if (share !== undefined && share !== null) by("map-bar").value = share;
    };
    try {
      said("Waiting …");
      const asked = { kind: each.dataset.map, query: answer.query };
      const { job } = await ask("/api/maps", asked.kind === "residual" ? asked : { ...asked, scan: hit ? hit.scan : "" });
      const made = await finished(job, said);
      by("map-viewer").hidden = false;
      state.map = state.map || await viewer(by("map-viewer"));
      const of = asked.kind === "residual" ? "" : ` (hit ${hit.rank})`;
      await load(state.map, `${each.textContent}${of}`, [
        { url: `/api/queries/${answer.query}/volume.nii` },
        {
          url: `/api/maps/${made.map}/volume.nii`, colormap: "warm", colormapNegative: "winter", opacity: 0.6,
          cal_min: made.high / 20, cal_max: made.high, cal_minNeg: -made.high, cal_maxNeg: -made.high / 20,
        },
      ]);
      said(`Warm colours above 0, cold ones below, up to ${made.high.toPrecision(2)}: ${made.unit}.`);
    } catch (error) {
      said(`Error: ${error.message}`);
    }
  });
}

listed(0);
