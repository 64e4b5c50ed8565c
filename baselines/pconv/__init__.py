"""Partial convolutions in a U-Net (Liu et al. 2018)."""
