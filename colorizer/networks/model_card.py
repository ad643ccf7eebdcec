"""Write and read model cards: the training data, recipe, figures and limits of a model."""

from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import Header, find_model_file, model_name, read_header

LIMITS = (
    "The colors are guesses, biased toward those common in the training photographs; they are not "
    "evidence of the real ones. They are predicted at every fourth pixel, so they spill over fine "
    "edges."
)


def render_model_card(header: Header) -> str:
    """Render the model card of a trained model in Markdown, from the header of its file."""
    paragraphs = {
        "Data": _describe_data(header),
        "Recipe": ", ".join(f"{name} {value}" for name, value in header["config"].items()) + ".",
        "Figures": ", ".join(f"{name} {value:.5g}" for name, value in header["metrics"].items())
        + ". Run `colorizer evaluate` for figures on test photographs.",
        "Limits": LIMITS,
    }
    text = "\n\n".join(f"**{title}.** {text}" for title, text in paragraphs.items())
    return f"# Model card: {model_name(header)}\n\n{text}\n"


def read_model_card(model: str) -> str:
    """Return the card of a model file, or of an included model by its name.

    Raises ColorizerError if there is no such file, or if the file has no card.
    """
    path = find_model_file(model)
    card = read_header(path).get("card")
    if not isinstance(card, str):
        raise ColorizerError(f"{path}: this file has no model card; use one of `colorizer train`")
    return card


def _describe_data(header: Header) -> str:
    counts = ", ".join(f"{count} ({split})" for split, count in header["photographs"].items())
    sources = ", ".join(f"{file} {digest}" for file, digest in header["sources"].items())
    return f"Photographs by split: {counts}. SHA-256: {sources}."
