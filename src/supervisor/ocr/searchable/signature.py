"""Whether a PDF is signed."""

from typing import Any

from pymupdf import mupdf

# Hostile files nest and repeat fields without end.
_FIELD_LIMIT = 100_000


def is_signed(pdf: Any) -> bool:
    """Tell whether any signature field of a PDF of pymupdf holds a signature; an empty one does not count."""
    root = mupdf.pdf_dict_gets(mupdf.pdf_trailer(mupdf.pdf_document_from_fz_document(pdf.this)), "Root")
    waiting = [mupdf.pdf_dict_getp(root, "AcroForm/Fields")]
    for _ in range(_FIELD_LIMIT):
        if not waiting:
            return False
        fields = waiting.pop()
        for index in range(min(mupdf.pdf_array_len(fields), _FIELD_LIMIT)):
            field = mupdf.pdf_array_get(fields, index)
            is_signature = mupdf.pdf_to_name(mupdf.pdf_dict_get_inheritable(field, mupdf.pdf_new_name("FT"))) == "Sig"
            if is_signature and mupdf.pdf_is_dict(mupdf.pdf_dict_gets(field, "V")):
                return True
            waiting.append(mupdf.pdf_dict_gets(field, "Kids"))
    return False
