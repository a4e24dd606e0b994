// The live view's panels: how each is made, how wide it is, and what its question mark says.

import { Errors, Multipliers } from "./curves.js";
import { Images } from "./images.js";
import { Plane } from "./plane.js";
import { StatusLine } from "./status.js";
import { Tiling } from "./tiling.js";

export const PANELS = {
  "information-plane": {
    title: "Information plane",
    unit: "KL (nats) against error",
    make: (host, store) => new Plane(host, store),
    plotted: true,
    weight: 3,
    about:
      "Each point is a training step: average KL(q(z|x) ‖ π(z)) in nats, the rate, against the reconstruction error √(mean (x − g(z))²) in RMS pixel, the distortion. " +
      "GECO walks to the dashed line κ and then down along it. No model can be below R(D), the rate–distortion limit of the data. " +
      "The short line through the present point has the slope dKL/derr = −2λ/err: λ* = −dR/d ln κ², so at rest it runs along R(D).",
  },
  tiling: {
    title: "Posterior tiling",
    unit: "samples of q(z | x); circles: prior",
    make: (host, store, ask) => new Tiling(host, store, ask),
    weight: 3,
    about:
      "Samples of the posterior q(z | xᵢ) of each datum, one colour each. The circles are 1, 2 and 3 standard deviations of the prior N(0, I). " +
      "A good model tiles the prior without gaps and with equal masses. Point at a place to decode it: g(z), the weights wᵢ(z) = q(z|xᵢ)/Σⱼ q(z|xⱼ), and whether it is a hole, q(z)/π(z) < 0.1.",
  },
  error: {
    title: "Error against κ",
    unit: "log scale",
    make: (host, store) => new Errors(host, store),
    plotted: true,
    weight: 2,
    about:
      "The constrained error of each batch by training step, in the units of κ: for RE √(mean (x − g(z))²), RMS pixel. The dashed line is κ, the error that you allow; the constraint c = err²/κ² − 1 is 0 on it.",
  },
  multiplier: {
    title: "β and λ",
    unit: "log scale",
    make: (host, store) => new Multipliers(host, store),
    plotted: true,
    weight: 2,
    about:
      "λ (nats) is the Lagrange multiplier: the price of accuracy, raised while the error is above κ and lowered below it, log λ ← log λ + ν c. " +
      "β = d κ²/(2λ) (pixel²) is the variance of the equivalent Gaussian decoder, the β of a β-VAE: L = KL + SSE/(2β). " +
      "Thin lines: critical temperatures βc of the data, where the best reconstruction points merge, with their number below and above.",
  },
  images: {
    title: "Reconstructions",
    unit: "",
    make: (host, store) => new Images(host, store),
    weight: 2,
    about: "Data x; reconstructions g(z) with z from q(z | x); and samples g(z) with z from the prior π(z). The coloured strip is the datum's colour in the tiling.",
  },
  status: {
    title: "Status",
    make: (host, store) => new StatusLine(host, store),
    weight: 0,
  },
};
