"""Plain text of a page, line for line as tesseract writes it."""

from supervisor.ocr.layout import PageLayout


def page_text(layout: PageLayout) -> str:
    """Return the lines of a page, each with its line feed; an empty line follows every paragraph but the last thing.

    Marks of direction and `preserve_interword_spaces`, which hOCR does not carry, are missing.
    """
    paragraphs = [
        "".join(f"{' '.join(word.text for word in line.words)}\n" for line in paragraph.lines)
        for block in layout.blocks
        for paragraph in block.paragraphs
    ]
    ends_with_picture = bool(paragraphs) and not layout.blocks[-1].paragraphs
    return "\n".join(paragraphs) + "\n" * ends_with_picture
