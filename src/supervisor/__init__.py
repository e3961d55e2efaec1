"""Parallel OCR runs over documents kept in git."""
