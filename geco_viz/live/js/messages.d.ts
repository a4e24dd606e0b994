// What Python and the page say to each other, typed once; docs/architecture.md says when.
// Numbers in buffers are little-endian; a number that is not finite comes as null.

export type Num = number | null;

export interface Setup {
  kind: "setup";
  title: string;
  constraints: { name: string; kappa: Num; unit: string }[];
}
/** R(D): kappa in RMS pixel, rate in nats; critical: [beta, points before, points after]. */
export interface Limit {
  kind: "limit";
  kappa: number[];
  rate: number[];
  note: string;
  subset: number;
  critical: Num[][];
}
/** Buffer: float32 rows of step, err/re, KL; counts of them by ghost. */
export interface Ghosts {
  kind: "ghosts";
  names: string[];
  counts: number[];
  buffer?: number;
}
/** Buffer: float32 rows of step, kappa_hat/re, KL. */
export interface Evaluations {
  kind: "evaluations";
  n: number;
  buffer?: number;
}
/** Buffer: float32 (n, columns); now: the mean of the newest rows. */
export interface Rows {
  kind: "rows";
  full: boolean;
  n: number;
  total: number;
  columns?: string[];
  now?: Num[];
  buffer?: number;
}
/** Buffer: uint8 (rows, n, h, w, c). */
export interface Images {
  kind: "images";
  rows: string[];
  counts: number[];
  labels: string[];
  n: number;
  h: number;
  w: number;
  c: number;
  step: number;
  buffer?: number;
}
/** Buffer: float32 (n, per, min(dims, 2)): posterior samples in the plane shown. */
export interface Tiling {
  kind: "tiling";
  n: number;
  per: number;
  dims: number;
  labels: string[];
  masses: Num[];
  holes: Num;
  step: number;
  plane?: string;
  planes?: [string, string][];
  names?: string[];
  axes?: number[][];
  buffer?: number;
}
export interface Status {
  kind: "status";
  phase: string;
  words: string;
  hint: string;
  step?: number;
  rate?: Num;
  device?: string;
}

/** A part of an explorer, by a name of its own; raw: its buffer is bytes, else float32. */
export interface Named {
  kind:
    | ("points" | "state" | "paths" | "tree" | "curve") // fixed points
    | ("blur" | "mosaic" | "decoded" | "data") // blur and holes
    | ("legend" | "masses" | "shares" | "map" | "atoms" | "means"); // tilings
  raw?: boolean;
  buffer?: number;
}

export type Part = Setup | Limit | Ghosts | Evaluations | Rows | Images | Tiling | Status | Named;

export interface Frame<P = Part> {
  type: "frame";
  seq: number;
  parts: P[];
}
/** The answer to a probe; buffer: uint8 image (h, w, c). */
export interface Probe {
  type: "probe";
  view: string;
  id: number;
  weights?: Num[];
  density?: Num;
  hole?: boolean;
  h?: number;
  w?: number;
  c?: number;
  error?: string;
}
/** Buffer: plotly.js, gzipped. */
export interface PlotlyCode {
  type: "plotly";
}
export type ToPage = Frame | Probe | PlotlyCode;

export type Question =
  | { type: "ready"; plotly: boolean }
  | { type: "ack"; seq: number; painted?: boolean }
  | { type: "probe"; id: number; z: number[] }
  | { type: "plane"; plane: string }
  | { type: "draw"; points: number[][] }
  | { type: "tiles"; tiles: number[][] }
  | { type: "closed" };
export type FromPage = Question & { view: string };

/** What anywidget gives `render`, as far as it is used. */
export interface Model {
  get(name: string): any;
  on(event: "msg:custom", call: (message: ToPage, buffers?: DataView[]) => void): void;
  off(event: "msg:custom", call: (message: ToPage, buffers?: DataView[]) => void): void;
  send(content: FromPage): void;
  widget_manager?: { kernel?: { status: string } };
}

/** A panel on the board. */
export interface Panel {
  mount?(plotly: any, theme: Theme): Promise<void>;
  restyle(theme: Theme): void;
  draw(): void;
  refresh?(): void;
  annotate?(): void;
  note?(): string;
  answer?(message: Probe, buffer: DataView): void;
  gone?(reason: string, name?: string): void;
  dispose?(): void;
  zoomed?: boolean;
}
export interface PanelSpec {
  title: string;
  unit?: string;
  about?: string;
  weight: number;
  plotted?: boolean;
  make(host: HTMLElement, store: any, ask: (question: any) => void): Panel;
}

export type Theme = Record<string, any> & { shades: string[]; categories: string[] };
