"""A page as pixels, ready for recognition."""

import hashlib
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A page as it is displayed: `image` is of mode L, upright, on white."""

    image: Image.Image
    dpi: int

    def digest(self) -> str:
        """Return the SHA-256 of all that a recogniser sees of a page: its pixels, their size and their density."""
        digest = hashlib.sha256(f"{self.image.mode} {self.image.width} {self.image.height} {self.dpi}\n".encode())
        digest.update(self.image.tobytes())
        return digest.hexdigest()
