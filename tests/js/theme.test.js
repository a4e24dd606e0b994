// Light or dark, as the host says it.

import { afterEach, expect, test, vi } from "vitest";
import { currentTheme } from "../../geco_viz/live/js/theme.js";

function host({ body = {}, html = {} }) {
  const { theme, ...dataset } = html;
  const documentElement = { dataset, getAttribute: (name) => (name === "theme" ? (theme ?? null) : null) };
  vi.stubGlobal("document", { body: { dataset: body }, documentElement });
}

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["JupyterLab, dark", { body: { jpThemeLight: "false" } }, true],
  ["JupyterLab, light", { body: { jpThemeLight: "true" } }, false],
  ["VS Code, dark", { body: { vscodeThemeKind: "vscode-dark" } }, true],
  ["VS Code, high contrast", { body: { vscodeThemeKind: "vscode-high-contrast" } }, true],
  ["VS Code, high contrast light", { body: { vscodeThemeKind: "vscode-high-contrast-light" } }, false],
  ["Colab", { html: { theme: "dark" } }, true],
  ["a plain page", {}, false],
])("%s", (_, where, dark) => {
  host(where);
  const theme = currentTheme();
  expect(theme.dark).toBe(dark);
  expect(new Set(theme.shades).size).toBeGreaterThan(50);
});
