"""Shift-Net (Yan et al. 2018)."""
