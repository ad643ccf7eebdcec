"""The command `colorizer export`, which writes a model as an ONNX file for other programs."""

from pathlib import Path

import click
import torch

from colorizer.commands.options import FILE_TYPE, json_option, quiet_option
from colorizer.commands.terminal import print_summary
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import (
    find_model_file,
    load_colorizer,
    model_name,
    read_header,
    short_sha256,
)
from colorizer.onnx_files.export import (
    export_lightness_to_ab,
    export_pixels_to_pixels,
    require_onnx,
)
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.model_files import require_prior

CPU = torch.device("cpu")


@click.command()
@click.argument("model", metavar="MODEL")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["onnx"]),
    default="onnx",
    show_default=True,
    help="Format of the file.",
)
@click.option("--method", type=click.Choice(list(DECODINGS)), help="[default: that of the model]")
@click.option(
    "--pixels", is_flag=True, help="RGB bytes in and out. [default: L in, ab out, as floats]"
)
@click.option(
    "--half/--full",
    default=False,
    help="Store the weights in float16 or in float32. [default: full]",
)
@click.option("--out", type=FILE_TYPE, help="Output file. [default: METHOD.onnx]")
@quiet_option
@json_option
def export(
    model: str,
    file_format: str,
    method: str | None,
    pixels: bool,
    half: bool,
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Export a model for other programs, which then need neither PyTorch nor this project.

    MODEL is a model file, or the name of an included model (l2 or mcl).
    """
    require_onnx()
    source = find_model_file(model)
    header = read_header(source)
    method = method or model_name(header)
    decoding, path = DECODINGS[method], out or Path(f"{method}.{file_format}")
    if decoding.model != model_name(header):
        raise ColorizerError(
            f"{source}: this is a {model_name(header)} model; --method {method} needs "
            f"{decoding.model}"
        )
    if decoding.calm:
        require_prior(source, method)
    notes = {
        "method": method,
        "model_sha256": short_sha256(source),
        "card": str(header.get("card", "")),
    }
    write = export_pixels_to_pixels if pixels else export_lightness_to_ab
    write(path, load_colorizer(source, CPU), decoding, notes, half=half)
    print_summary({"megabytes": path.stat().st_size / 1e6}, str(path), quiet, as_json)
    return 0
