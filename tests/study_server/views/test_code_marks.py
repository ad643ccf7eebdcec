import pytest

from study_server.views.code_marks import show_code


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("study 'a' is open; run `study pause a` first",
         "study &#39;a&#39; is open; run <code>study pause a</code> first"),
        ("`study new` or `study import`", "<code>study new</code> or <code>study import</code>"),
        ("no command", "no command"),
        ("<b> and `<i>`", "&lt;b&gt; and <code>&lt;i&gt;</code>"),
        ("one ` alone", "one ` alone"),
    ],
)  # fmt: skip
def test_commands_become_code_and_the_rest_is_escaped(message: str, shown: str) -> None:
    assert show_code(message) == shown
