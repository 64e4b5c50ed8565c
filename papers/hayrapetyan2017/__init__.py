"""Hayrapetyan et al. 2017, 'Combination of Single Image Super Resolution and Digital Inpainting ...', SJEE 14(3)."""
