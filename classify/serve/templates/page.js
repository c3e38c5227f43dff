"use strict";
// Sends pictures to the service that gave this page, and shows what it answers. Nothing is sent anywhere else.

const byId = (id) => document.getElementById(id);
const MOST_NAMED = 6; // styles of a set in one sentence
const KEPT = 12; // answers on the page

function token() {
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) { // it must not stay in the address, which people copy
    sessionStorage.setItem("token", decodeURIComponent(given[1]));
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}

function headers(more) {
  const secret = token();
  return secret ? { ...more, Authorization: `Bearer ${secret}` } : more;
}

function chosenHead() {
  const head = byId("head");
  return head.selectedOptions ? head.selectedOptions[0] : head;
}

async function ask(body, type, more) {
  const query = new URLSearchParams({ head: byId("head").value, ...more });
  const answer = await fetch(`/v1/predict?${query}`, { method: "POST", body, headers: headers({ "Content-Type": type }) });
  const facts = await answer.json();
  if (answer.status === 401) byId("secret").hidden = false;
  if (!answer.ok) throw new Error(facts.message);
  return facts;
}

const plain = (label) => label.replaceAll("_", " ");
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

function newCard(name, source) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  const picture = card.querySelector(".given");
  card.querySelector("h3").textContent = name;
  if (source) {
    picture.src = source;
    picture.alt = `The picture that was given: ${name}`;
  } else {
    card.querySelector(".picture").hidden = true;
  }
  const results = byId("results");
  results.prepend(card);
  while (results.children.length > KEPT) {
    URL.revokeObjectURL(results.lastElementChild.querySelector(".given").src);
    results.lastElementChild.remove();
  }
  return card;
}

function bar({ label, probability }) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  const [name, share] = [document.createElement("b"), document.createElement("span")];
  name.textContent = plain(label);
  share.textContent = percent(probability);
  words.append(name, share);
  const track = document.createElement("div");
  const filled = document.createElement("i");
  filled.style.width = `${100 * probability}%`;
  track.setAttribute("aria-hidden", "true"); // the words say it
  track.append(filled);
  item.append(words, track);
  return item;
}

function verdict(picture) {
  const best = plain(picture.predictions[0].label);
  if (picture.unlike) return "Unlike anything this model has learned from: don't rely on the answer.";
  if (picture.set && picture.set.length > MOST_NAMED) {
    return `Unsure: it may be ${picture.set.slice(0, MOST_NAMED).map(plain).join(", ")} or ${picture.set.length - MOST_NAMED} others.`;
  }
  if (picture.set && picture.set.length > 1) return `Unsure: it may be ${picture.set.map(plain).join(", ")}.`;
  if (picture.unsure) return `Unsure: ${best} comes first, but is not likelier than all others together.`;
  return `${best}.`;
}

// the square that the network sees, in percent of the picture: left, top, width, height
function seen({ fit, share }, { naturalWidth: w, naturalHeight: h }) {
  if (fit === "squash") return [50 - 50 * share, 50 - 50 * share, 100 * share, 100 * share];
  const side = share * (fit === "pad" ? Math.max(w, h) : Math.min(w, h));
  return [50 * (1 - side / w), 50 * (1 - side / h), 100 * side / w, 100 * side / h];
}

function showHeat(card, heatmap) {
  const heat = new Image();
  heat.className = "heat";
  heat.alt = ""; // the words beside the slider say what it shows
  const slider = card.querySelector(".slider input");
  heat.src = heatmap.image;
  const box = seen(heatmap, card.querySelector(".given"));
  ["left", "top", "width", "height"].forEach((edge, n) => { heat.style[edge] = `${box[n]}%`; });
  const fade = () => { heat.style.opacity = slider.value / 100; };
  slider.addEventListener("input", fade);
  fade();
  card.querySelector(".where").hidden = true;
  card.querySelector(".frame").append(heat);
  card.querySelector(".slider").hidden = false;
  slider.focus();
}

// asked for only when somebody wants to see it: it takes longer than the answer
function offerHeat(card, body, type) {
  const button = card.querySelector(".where button");
  card.querySelector(".where").hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    byId("status").textContent = "Looking for where it is seen …";
    try {
      showHeat(card, (await ask(body, type, { explain: "1" })).pictures[0].heatmap);
    } catch (error) {
      button.disabled = false;
      byId("status").textContent = button.textContent = `Not shown: ${error.message}`;
    }
  });
}

function showSimilar(card, picture) {
  if (!picture.neighbours || !picture.neighbours.length) return;
  const list = card.querySelector(".similar ul");
  for (const one of picture.neighbours) {
    const item = document.createElement("li");
    if (one.thumbnail) {
      const small = document.createElement("img");
      small.src = one.thumbnail;
      small.alt = ""; // the words beside it say what it is
      item.append(small);
    }
    const who = [one.artist, one.year, one.label].filter(Boolean).map(plain).join(", ");
    item.append(who || one.name);
    item.title = one.name;
    list.append(item);
  }
  card.querySelector(".similar").hidden = false;
}

function showAnswer(card, facts) {
  const picture = facts.pictures[0];
  card.querySelector(".verdict").textContent = verdict(picture);
  card.querySelector(".bars").append(...picture.predictions.map(bar));
  showSimilar(card, picture);
  const question = facts.holds ? ` Its ${facts.holds}.` : "";
  card.querySelector(".facts").textContent =
    `${facts.untrained ? "Untrained network: a guess. " : ""}Answered by ${facts.head} on ${facts.backbone.split(" ")[0]}.${question}`;
  byId("status").textContent = `${card.querySelector("h3").textContent}: ${verdict(picture)}`;
}

function showTrouble(card, error) {
  card.classList.add("failed");
  card.querySelector(".bars").remove();
  card.querySelector(".verdict").textContent = `No answer: ${error.message || "the service can't be reached"}.`;
  byId("status").textContent = card.querySelector(".verdict").textContent;
}

async function answer(name, source, body, type) {
  byId("status").textContent = `Looking at ${name} …`;
  byId("status").classList.remove("quiet");
  const card = newCard(name, source);
  card.setAttribute("aria-busy", "true");
  try {
    const head = chosenHead().dataset;
    showAnswer(card, await ask(body, type, head.similar ? { neighbours: "5" } : {}));
    if (head.explain && source) offerHeat(card, body, type);
  } catch (error) {
    showTrouble(card, error);
  }
  card.removeAttribute("aria-busy");
  byId("status").classList.add("quiet"); // the card shows it to those who see
}

async function answerFiles(files) {
  for (const file of files) {
    await answer(file.name || "the picture", URL.createObjectURL(file), file, file.type || "application/octet-stream");
  }
}

function addressIn(text) {
  const line = text.split("\n").find((one) => /^https?:\/\//.test(one));
  return byId("url") && line ? line.trim() : "";
}

function take(transfer) {
  const files = [...transfer.files];
  const url = addressIn(transfer.getData("text/uri-list") || transfer.getData("text/plain"));
  if (files.length) answerFiles(files);
  else if (url) answerAddress(url);
  return files.length > 0 || Boolean(url);
}

const answerAddress = (url) => answer(url, "", JSON.stringify({ url }), "application/json");

for (const id of ["choose", "camera"]) {
  byId(id).addEventListener("change", (event) => {
    answerFiles([...event.target.files]).finally(() => { event.target.value = ""; });
  });
}
byId("address")?.addEventListener("submit", (event) => {
  event.preventDefault();
  answerAddress(byId("url").value);
});
byId("secret").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
  byId("secret").hidden = true;
});
document.addEventListener("paste", (event) => { if (take(event.clipboardData)) event.preventDefault(); });
document.addEventListener("dragover", (event) => { event.preventDefault(); byId("files").classList.add("over"); });
document.addEventListener("dragleave", () => byId("files").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("files").classList.remove("over");
  take(event.dataTransfer);
});
token();
