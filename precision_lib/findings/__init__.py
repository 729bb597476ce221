"""Findings: what each chapter computes, one file a finding.

`verdict` turns an interval into a word, `scorecard` keeps the words of all chapters.
"""
