"""Fang et al. 2021, 'A New Method of Image Restoration Technology Based on WGAN', CSSE 41(2)."""
