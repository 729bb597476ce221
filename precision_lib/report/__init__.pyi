from .build import Report, make_report
from .page import render, write_page

__all__ = [
    "Report",
    "make_report",
    "render",
    "write_page",
]
