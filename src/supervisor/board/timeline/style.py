"""How a picture looks: for light and dark viewers, and for eyes that tell red from green or do not.

Colours of sources are those of Okabe and Ito. Viewers that know no media queries show the light ones.
"""

from supervisor.board.timeline.markup import element

_LIGHT = """
.paper{fill:#fff}
.card{fill:#f4f6f8}
.grid{stroke:#d9dee4}
.axis,.label,.muted{fill:#5b6673}
.title,.value,.name{fill:#17212b}
.run{fill:#d5e3f0;stroke:#9db6cf}
.run.failed{fill:#f7d5cd;stroke:#d98d79}
.run.cancelled{fill:#e3e6ea;stroke:#b3bac3}
.run.again{fill:#f8e7bd;stroke:#d5b566}
.icon{stroke:#17212b}
.mark{fill:#17212b;stroke:#fff}
.queued{fill:#cfd6de}
.waiting{fill:#c3cbd4}
.ocr{fill:#0072b2}
.cache{fill:#009e73}
.text_layer{fill:#e69f00}
.blank{fill:#8c98a5}
.failed.page{fill:#d5402b}
"""
_DARK = """
.paper{fill:#12171d}
.card{fill:#1a2129}
.grid{stroke:#303a45}
.axis,.label,.muted{fill:#98a4b1}
.title,.value,.name{fill:#e8edf2}
.run{fill:#24384c;stroke:#46627e}
.run.failed{fill:#4d2620;stroke:#94503f}
.run.cancelled{fill:#2b323b;stroke:#535e6a}
.run.again{fill:#463a1b;stroke:#83703a}
.icon{stroke:#e8edf2}
.mark{fill:#e8edf2;stroke:#12171d}
.queued{fill:#3a4550}
.waiting{fill:#46515d}
.ocr{fill:#4aa8e0}
.cache{fill:#2cc79b}
.text_layer{fill:#f0b83f}
.blank{fill:#75828f}
.failed.page{fill:#f0705a}
"""
_COMMON = """
text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.title{font-size:19px;font-weight:600}
.value{font-size:16px;font-weight:600}
.name{font-weight:500}
.grid{stroke-width:1;shape-rendering:crispEdges}
.run{stroke-width:1}
.axis{text-anchor:middle}
.icon{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.mark{stroke-width:1}
"""


def style() -> str:
    """Return the style sheet."""
    sheet = f"{_COMMON}{_LIGHT}@media (prefers-color-scheme:dark){{{_DARK}}}"
    return element("style", ["".join(sheet.splitlines())])
