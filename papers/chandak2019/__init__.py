"""Chandak et al. 2019, 'Semantic Image Completion and Enhancement using Deep Learning'."""
