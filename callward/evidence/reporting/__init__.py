"""The pack's report: one document, computed once, set as a web page and as a PDF."""
