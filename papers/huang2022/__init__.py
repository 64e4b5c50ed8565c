"""Huang and Li, 'Research on Image Repair Based on DCGAN' (venue not known)."""
