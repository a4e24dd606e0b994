// The status line: a pill with the phase, what happens in words, a hint, and the pace.

import { help } from "./pieces.js";

export const PACE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const STATUS_ABOUT =
  "All figures of the sentence are of the moment that it begins with. κ̂ is the error of averaged weights and many samples, with its standard error, in the units of κ; " +
  "it is shown while no more than 5 % of the steps since the last edit have been made after it, else the mean of the last batches. " +
  "It meets κ if it is within a tenth of the tolerance (κ² for RE) by two standard errors. R is the least KL, in nats, that any model needs at this error. " +
  "λ/λ* is the multiplier over the limit's own price, 1 at the optimum. Holes are where no posterior covers the prior, q(z)/π(z) < 0.1.";
// Signs stay with their numbers where the line breaks.
const together = (text) => text.replace(/ = /g, "\u00a0=\u00a0").replace(/ %/g, "\u00a0%").replace("λ/λ", "λ/\u2060λ");

export class StatusLine {
  constructor(host, store, about = STATUS_ABOUT) {
    this.store = store;
    const make = (name, place = host) => {
      const node = document.createElement("span");
      node.className = `gv-${name}`;
      place.append(node);
      return node;
    };
    const state = make("state");
    this.pill = make("pill", state);
    if (about) state.append(help("Status", about));
    this.pill.setAttribute("role", "status"); // a change of phase is announced; figures that change ten times a second are not
    this.words = make("words");
    this.hint = make("hint");
    this.pace = make("pace");
    this.silence = "";
    this.silent = "";
  }

  restyle() {
    this.draw(); // its colours are the style sheet's
  }

  // A quiet word, and a name for the pill, when the kernel stops answering; "" takes it back.
  gone(reason, name) {
    if (this.silence === reason) return;
    this.silence = reason;
    this.silent = name;
    this.draw();
  }

  draw() {
    const { status } = this.store;
    const { silence } = this;
    this.say(this.pill, silence ? this.silent : (status?.phase ?? "waiting"));
    this.pill.dataset.phase = silence ? "gone" : (status?.phase ?? "waiting");
    this.say(this.words, silence || together(status?.words ?? "Waiting for the first step."));
    this.say(this.hint, silence ? "What is drawn here came before." : (status?.hint ?? ""));
    const parts = [];
    if (status) {
      parts.push(`step ${PACE.format(status.step)}`);
      if (status.rate && !silence) parts.push(`${status.rate < 10 ? status.rate.toFixed(1) : PACE.format(status.rate)}/s`);
      parts.push(status.device);
    }
    this.say(this.pace, parts.join(" · "));
  }

  say(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }
}
