"""The matrix of win rates."""

from itertools import combinations

from analysis.figures.win_matrix import draw_win_matrix


def test_long_names_above_a_matrix_are_inside_the_figure() -> None:
    methods = ["mcl-annealed", "mcl", "l2-vivid", "l2"]
    pairs = [{"a": a, "b": b, "win_rate": 0.6, "ci95": (0.5, 0.7)}
             for a, b in combinations(methods, 2)]  # fmt: skip
    figure = draw_win_matrix(pairs, methods)
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert "Annealed\nMCL" in {text.get_text() for text in texts}
    assert max(text.get_window_extent().y1 for text in texts) <= figure.bbox.y1
