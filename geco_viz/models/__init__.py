"""Models by name, `build("convdraw", shape)`, and the parts they are made of."""

from geco_viz.models.builders import build, is_conditional, names
from geco_viz.models.context import ContextEncoder
from geco_viz.models.convdraw import ConvDRAW, ConvDRAWPosterior
from geco_viz.models.convlstm import ConvLSTM
from geco_viz.models.cvae import CVAE, RelativeGaussian, gaussian_kl
from geco_viz.models.decoders import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder
from geco_viz.models.gaussian import DiagonalGaussian, GaussianHead
from geco_viz.models.nvp import ConditionalNVP, NVPPosterior
from geco_viz.models.vae import VAE, Model, Output, Posterior

__all__ = [
    "CVAE",
    "VAE",
    "ConditionalNVP",
    "ContextEncoder",
    "ConvDRAW",
    "ConvDRAWPosterior",
    "ConvDecoder",
    "ConvEncoder",
    "ConvLSTM",
    "DiagonalGaussian",
    "GaussianHead",
    "MLPDecoder",
    "MLPEncoder",
    "Model",
    "NVPPosterior",
    "Output",
    "Posterior",
    "RelativeGaussian",
    "build",
    "gaussian_kl",
    "is_conditional",
    "names",
]
