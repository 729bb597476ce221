"""Findings: what each chapter computes, one file a finding.

`outcomes` has the word of each finding.
"""
