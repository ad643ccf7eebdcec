"""Small copies of stimuli for the researcher's pages."""

import io

from PIL import Image

from study_server.stimuli.images import InvalidImageError, decode_image

THUMBNAIL_PX = 160  # the longer side


def render_thumbnail(content: bytes) -> bytes:
    """Return a small PNG of an image file; raises InvalidImageError."""
    image = Image.fromarray(decode_image(content).pixels)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    thumbnail = io.BytesIO()
    image.save(thumbnail, "PNG")
    return thumbnail.getvalue()


def render_thumbnail_or_none(content: bytes) -> bytes | None:
    """Return a small PNG of an image file, or None if it cannot be read."""
    try:
        return render_thumbnail(content)
    except InvalidImageError:
        return None
