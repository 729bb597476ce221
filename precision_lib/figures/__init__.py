"""Figures: `style` and, under the name of the finding, one file a finding."""
