// Pieces that panels are made of: boxes, a decoded image with its facts, weights as chips, bars of mass.

export function div(name, text) {
  const node = document.createElement("div");
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function decodedImage(label) {
  const face = document.createElement("canvas");
  face.className = "gv-face";
  face.setAttribute("role", "img");
  face.setAttribute("aria-label", label);
  return face;
}

// Words that follow a pointer: read out when it rests.
export function politeFacts() {
  const facts = div("gv-facts");
  facts.setAttribute("aria-live", "polite");
  return facts;
}

export function chip(weight, colour) {
  const node = document.createElement("span");
  node.textContent = decimals(weight);
  node.style.setProperty("--gv-datum", colour);
  return node;
}

// A tile's mass times the number of tiles; the middle of the track is 1.
export function massBar(name, relative, colour, ...texts) {
  const row = div("gv-bar");
  const track = div("gv-track");
  const fill = div("");
  fill.style.width = `${Math.min(100, 50 * relative)}%`;
  fill.style.background = colour;
  track.append(fill);
  row.append(div("gv-key", name), track, ...texts.map((text) => div("gv-value", text)));
  return row;
}

export const minus = (value) => String(value).replace("-", "−");
export const decimals = (value) => value.toFixed(2).replace(/^0/, "");

// A question mark that explains its panel, to the pointer and to the keyboard.
export function help(title, about) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "gv-help";
  button.textContent = "?";
  button.setAttribute("aria-label", `${title}: ${about}`);
  const tip = div("gv-tip", about);
  tip.setAttribute("role", "tooltip");
  button.append(tip);
  button.addEventListener("keydown", (event) => event.key === "Escape" && button.blur());
  return button;
}
