"""Which tables belong together, and how far this program knows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Tables that are made together: those of `control`, of `results`, of `cache`.

    Attributes:
        head: The newest revision that this program knows; revisions count up.
        table: One of them.
    """

    name: str
    head: str
    table: str

    @property
    def version_table(self) -> str:
        """The table that says how far the part is migrated."""
        return f"{self.name}_version"


CONTROL = Part("control", "0003", "runs")
RESULTS = Part("results", "0002", "documents")
CACHE = Part("cache", "0001", "page_cache")
