"""The file formats that are read, and the names of their files."""

from functools import cache

from PIL import Image

# The formats that are opened. EPS is not, because Pillow would run Ghostscript.
FORMAT_SUFFIXES = {
    "AVIF": (".avif",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "HEIF": (".heic", ".heif", ".hif"),  # with pillow-heif, the extra `heif`
    "JPEG": (".jfif", ".jpe", ".jpeg", ".jpg", ".mpo"),
    "JPEG2000": (".j2k", ".jp2", ".jpf", ".jpx"),
    "PNG": (".apng", ".png"),
    "PPM": (".pbm", ".pgm", ".pnm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}


@cache
def readable_formats() -> tuple[str, ...]:
    """Return the formats that the installed libraries can read, by Pillow's names."""
    try:
        from pillow_heif import register_heif_opener  # optional
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()  # fills Image.OPEN with the formats that the installed Pillow can read
    return tuple(name for name in FORMAT_SUFFIXES if name in Image.OPEN)


@cache
def readable_suffixes() -> frozenset[str]:
    """Return the suffixes, in lower case, of the files that can be read."""
    return frozenset(suffix for name in readable_formats() for suffix in FORMAT_SUFFIXES[name])
