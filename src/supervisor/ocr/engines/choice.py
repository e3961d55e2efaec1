"""Where a stream gives what a process per page gives."""

from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.engines.traineddata import language_files, read_language_file

# Before, hOCR is not flushed after each page; the first previews of 5.0.0 did not do it either.
_FLUSHES_SINCE = (5, 0)
_PREVIEWS = "5.0.0-alpha"
_LSTM_ONLY, _DEFAULT_MODE = 1, 3


def can_stream(settings: EngineSettings, tesseract: Tesseract) -> bool:
    """Tell whether `StreamingEngine` is sound for these settings; otherwise `SingleEngine` it is.

    The recogniser of tesseract 3 adapts itself to the letters of a page and keeps that for the pages after it
    (`LearnWord`, `tess_add_doc_word`), so a page's result would depend on those before. It works where the engine mode
    asks for it, and by default for all language data that hold it. The LSTM recogniser keeps nothing.
    """
    if tesseract.release < _FLUSHES_SINCE or tesseract.version.startswith(_PREVIEWS):
        return False
    if settings.engine_mode not in {_LSTM_ONLY, _DEFAULT_MODE}:
        return False
    try:
        files = language_files(settings.languages, settings.tessdata_dir or tesseract.tessdata_dir)
        models = [read_language_file(file) for file in files.values()]
    except OSError:
        # tesseract will say what is wrong with it.
        return False
    # Asked for LSTM alone, tesseract goes back to the other where the data have none.
    return all(model.has_lstm and (settings.engine_mode == _LSTM_ONLY or not model.has_legacy) for model in models)
