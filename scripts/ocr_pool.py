"""A plain pool around pytesseract, as its users write it: `ocr_pool.py FOLDER FILE…` writes a text for each picture."""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytesseract
from PIL import Image


def read(file: str) -> str:
    return pytesseract.image_to_string(Image.open(file), config="--dpi 300")


def main() -> None:
    folder, *files = sys.argv[1:]
    with ProcessPoolExecutor(2) as pool:
        for file, text in zip(files, pool.map(read, files), strict=True):
            Path(folder, f"{Path(file).name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
