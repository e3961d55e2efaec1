"""A document as hOCR: the pages' own, renumbered, and naming the document."""

from collections.abc import Sequence

from supervisor.ocr.markup import escaped

_BEFORE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title></title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
  <meta name='ocr-system' content='supervisor' />
  <meta name='ocr-capabilities' content='ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf'/>
 </head>
 <body>
"""
_AFTER = """\
 </body>
</html>
"""


def hocr_file(document: str, pages: Sequence[str]) -> str:
    """Join pages, each as `hocr.write_page` writes it with a page number and without an image."""
    image = f'title=\'image "{escaped(document)}"; bbox'
    return "".join((_BEFORE, *(page.replace("title='bbox", image, 1) for page in pages), _AFTER))
