"""Jiao et al., 'Image Inpainting based on Gated Convolution and Spectral Normalization' (2023 inferred)."""
