// Colours: THEMES and FONT come from plots/themes.py, so that pages and static figures look the same.

import { FONT, THEMES } from "./palette.js";

function pageIsDark() {
  const { body, documentElement: html } = document;
  if (body.dataset.jpThemeLight !== undefined) return body.dataset.jpThemeLight === "false";
  const code = body.dataset.vscodeThemeKind;
  if (code) return /dark|high-contrast$/.test(code);
  const named = html.getAttribute("theme") ?? html.dataset.theme; // Colab; Notebook and docs themes
  if (named) return /dark/.test(named);
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export const SHADES = 64; // steps of the iteration scale: finer than the eye, few enough to draw run by run

function mix(scale, position) {
  const at = scale.findIndex(([stop]) => stop >= position);
  if (at <= 0) return scale.at(at).at(1);
  const [[low, from], [high, to]] = [scale[at - 1], scale[at]];
  const share = (position - low) / (high - low);
  const channel = (i) => {
    const [a, b] = [from, to].map((hex) => parseInt(hex.slice(i, i + 2), 16));
    return Math.round(a + share * (b - a));
  };
  return `rgb(${channel(1)}, ${channel(3)}, ${channel(5)})`;
}

export function currentTheme() {
  const dark = pageIsDark();
  const theme = THEMES[dark ? "dark" : "light"];
  const shades = Array.from({ length: SHADES }, (_, i) => mix(theme.iterations, i / (SHADES - 1)));
  return { ...theme, dark, shades };
}

// CSS gets the same colours as custom properties.
export function dress(root, theme) {
  root.dataset.theme = theme.dark ? "dark" : "light";
  for (const name of ["paper", "text", "muted", "grid", "ghost", "accent", "good"])
    root.style.setProperty(`--gv-${name}`, theme[name]);
  root.style.setProperty("--gv-steps", `linear-gradient(90deg, ${theme.shades.join(", ")})`);
  root.style.setProperty("--gv-font", FONT);
}

export function watchTheme(changed) {
  let dark = pageIsDark();
  const look = () => {
    if (pageIsDark() === dark) return;
    dark = !dark;
    changed();
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", look);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", look);
  };
}
