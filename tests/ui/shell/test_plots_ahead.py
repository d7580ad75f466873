import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from pages.ui.shell import plots_ahead

    with plots_ahead.read_meanwhile():
        st.text("computed")


def test_a_plot_is_given_to_the_browser_once_a_session_and_does_not_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []
    as_usual = DeltaGenerator.plotly_chart

    def noted(self: DeltaGenerator, figure: object, **options: object) -> object:
        drawn.append(str(options["key"]))
        return as_usual(self, figure, **options)

    monkeypatch.setattr(DeltaGenerator, "plotly_chart", noted)
    page = AppTest.from_function(_page).run()
    assert not page.exception and drawn == ["plot-ahead"]
    assert [one.value for one in page.text] == ["computed"]
    assert not page.get("plotly_chart")
    page.run()
    assert not page.exception and len(drawn) == 1
    AppTest.from_function(_page).run()
    assert len(drawn) == 2
