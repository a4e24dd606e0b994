// The status line: a pill with the phase, what happens in words, a hint, and the pace.

const PACE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

class StatusLine {
  constructor(host, store) {
    this.store = store;
    const make = (name, tag = "span") => {
      const node = document.createElement(tag);
      node.className = `gv-${name}`;
      host.append(node);
      return node;
    };
    this.pill = make("pill");
    this.pill.setAttribute("role", "status"); // a change of phase is announced; figures that change ten times a second are not
    this.words = make("words");
    this.hint = make("hint");
    this.pace = make("pace");
    this.silence = "";
  }

  restyle() {
    this.draw(); // its colours are the style sheet's
  }

  // A quiet word when the kernel stops answering; "" takes it back.
  gone(reason) {
    if (this.silence === reason) return;
    this.silence = reason;
    this.draw();
  }

  draw() {
    const { status } = this.store;
    const { silence } = this;
    this.say(this.pill, silence ? "kernel gone" : (status?.phase ?? "waiting"));
    this.pill.dataset.phase = silence ? "gone" : (status?.phase ?? "waiting");
    this.say(this.words, silence || (status?.words ?? "Waiting for the first step."));
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
