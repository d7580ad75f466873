"""Outcome of a study: what is predicted of each person of the target, with the words that name it.

Age is the outcome unless another is asked for. A numeric outcome is judged by the mean absolute error, a
two-valued one by the area under the ROC curve (AUC).
"""

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

Kind = Literal["numeric", "two-valued"]
#: Column of a study's scans that holds the values of an outcome other than age; 0 and 1 of a two-valued one.
VALUE_COLUMN = "outcome"
_MINUS = "−"


@dataclass(frozen=True)
class Outcome:
    """What is predicted of each person of the target.

    Parameters
    ----------
    name : str
        ``age``, or the column that it stands in.
    kind : {'numeric', 'two-valued'}
        A number, or one of two values.
    unit : str
        Of a numeric outcome; empty where it is not known.
    positive, negative : str
        The values that count as 1 and as 0; empty for a numeric outcome.
    digits : int
        Decimals of an error that are shown.

    Examples
    --------
    >>> AGE.amount(0.5), Outcome("sex", "two-valued", "", "M", "F", 3).measured(0.8125)
    ('0.50 years', 'AUC 0.812')
    """

    name: str = "age"
    kind: Kind = "numeric"
    unit: str = "years"
    positive: str = ""
    negative: str = ""
    digits: int = 2

    # ---- stored

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Outcome":
        """Build an outcome from what :meth:`as_dict` gave; age where a study names none."""
        return cls(**values) if values else AGE

    # ---- values

    @property
    def is_age(self) -> bool:
        return self.name == "age"

    @property
    def two_valued(self) -> bool:
        return self.kind == "two-valued"

    @property
    def column(self) -> str:
        """Column of a study's scans that holds its values."""
        return "age_years" if self.is_age else VALUE_COLUMN

    # ---- words

    @property
    def noun(self) -> str:
        """The outcome in a sentence: ``age``, ``sex (M)``, ``MMSE``."""
        return f"{self.name} ({self.positive})" if self.two_valued else self.name

    @property
    def measure(self) -> str:
        """What it is judged by, in short."""
        return "AUC" if self.two_valued else f"{self.name} error"

    @property
    def judged_by(self) -> str:
        """The measure in a sentence, with what it is of: ``age error``, ``AUC for sex (M)``."""
        return f"AUC for {self.noun}" if self.two_valued else self.measure

    @property
    def measure_label(self) -> str:
        """Title of an axis of what it is judged by."""
        if self.two_valued:
            return f"AUC for {self.noun} (0.5 is chance; higher is better)"
        return f"{_capital(self.name)} error ({', '.join(self._mae)}; lower is better)"

    @property
    def measure_heading(self) -> str:
        """Heading of a column of what it is judged by."""
        return "AUC" if self.two_valued else f"{_capital(self.name)} error ({', '.join(self._mae)})"

    @property
    def figure_headings(self) -> tuple[str, ...]:
        """Headings of an arm's figures: what it is judged by, r, R², mean error, of a number the slope."""
        if self.two_valued:
            return "AUC", "r", "R²", f"Mean error (probability of {self.positive})"
        unit = f" ({self.unit})" * bool(self.unit)
        return (
            self.measure_heading,
            "r",
            "R²",
            f"Mean error{unit}",
            f"Slope of the error on {self.name}",
        )

    @property
    def difference_label(self) -> str:
        """Title of an axis of differences between arms."""
        if self.two_valued:
            return "Difference (AUC; above 0 is better)"
        return f"Difference ({self.unit or self.name}; below 0 is better)"

    @property
    def lost(self) -> str:
        """Heading of a loss beside the same scans as they are; above 0 is harm."""
        if self.is_age or self.two_valued:
            return "Years lost" if self.is_age else "AUC lost"
        return f"Error added ({self._unit})"

    @property
    def lost_label(self) -> str:
        """Title of an axis of what is lost."""
        return f"{self.lost} to the same scans as they are (above 0 is harm)"

    @property
    def scan_error_label(self) -> str:
        """Title of an axis of the errors of single scans."""
        if self.two_valued:
            return f"Error of the probability of {self.positive} (0 to 1; lower is better)"
        return self.measure_label

    @property
    def scan_error(self) -> str:
        """The error of a single scan in a sentence."""
        return (
            f"error of the probability of {self.positive}"
            if self.two_valued
            else f"{self.name} error"
        )

    @property
    def no_model(self) -> str:
        """What a model has to beat, in a sentence."""
        return "chance" if self.two_valued else f"predicting the mean {self.name}"

    @property
    def no_model_label(self) -> str:
        """What a model has to beat, as the name of an arm."""
        return "chance" if self.two_valued else f"predict the mean {self.name}"

    @property
    def no_model_does(self) -> str:
        """What a model has to beat, as a subject of *does*: ``the mean age does``."""
        return "chance" if self.two_valued else f"the mean {self.name} does"

    def amount(self, value: float, digits: int | None = None) -> str:
        """Return the size of an error or of a difference with its unit."""
        return f"{self.number(value, digits)} {self._unit}"

    def bound(self, value: float) -> str:
        """Return a margin with its unit, with as many decimals as it was stated with."""
        unit = "year" if value == 1 and self._unit == "years" else self._unit
        return f"{value:g} {unit}"

    def signed(self, value: float, digits: int | None = None) -> str:
        """Return a difference of losses as it is shown, without its unit: of AUCs, its sign is turned."""
        return self.number(-value if self.higher_is_better else value, digits)

    def signed_amount(self, value: float) -> str:
        """Return a difference of losses as it is shown, with its unit."""
        return f"{self.signed(value)} {self._unit}"

    def span(self, low: float, high: float) -> str:
        """Return an interval of a difference of losses as it is shown, the smaller bound first, if any."""
        if low != low or high != high:
            return "no interval"
        bounds = (high, low) if self.higher_is_better else (low, high)
        return " to ".join(self.signed(bound) for bound in bounds)

    @property
    def measure_unit(self) -> str:
        """What it is judged by with its unit, for an axis: ``MAE, years``, or ``AUC``."""
        return "AUC" if self.two_valued else ", ".join(self._mae)

    @property
    def unit_words(self) -> str:
        """The unit of an error or a difference: ``years``, ``AUC``, or the outcome's name."""
        return self._unit

    def measured(self, value: float) -> str:
        """Return a value of what it is judged by: ``2.31 years``, ``AUC 0.812``."""
        return f"AUC {value:.{self.digits}f}" if self.two_valued else self.amount(value)

    def number(self, value: float, digits: int | None = None) -> str:
        """Return an error or difference without its unit, a true minus before a negative one."""
        shown = f"{value:.{self.digits if digits is None else digits}f}"
        if float(shown) == 0:
            return shown.removeprefix("-")
        return shown.replace("-", _MINUS)

    def hover(self, axis: str, *, signed: bool = False) -> str:
        """Return what a plot says of an error or a difference under the pointer, for plotly to fill in."""
        sign = "+" * signed
        value = f"%{{{axis}:{sign}.{self.digits}f}}"
        return f"{_marked('AUC')} {value}" if self.two_valued else f"{value} {_marked(self._unit)}"

    def scan_hover(self, axis: str, sign: str = "") -> str:
        """Return what a plot says of the error or the value of a single scan under the pointer."""
        if self.two_valued:
            return f"%{{{axis}:{sign}.2f}}"
        return f"%{{{axis}:{sign}.{self.coarse_digits}f}} {_marked(self._unit)}"

    @property
    def value_labels(self) -> tuple[str, str]:
        """Titles of the axes of true and of predicted values."""
        if self.two_valued:
            return f"True {self.name} (1: {self.positive})", f"Probability of {self.positive}"
        unit = f" ({self.unit})" * bool(self.unit)
        return f"True {self.name}{unit}", f"Predicted {self.name}{unit}"

    @property
    def coarse_digits(self) -> int:
        """Decimals of what needs fewer, such as a difference that would be found."""
        return max(self.digits - 1, 0)

    @property
    def favours(self) -> str:
        """On which side of 0 a difference favours the first arm."""
        return "above 0" if self.two_valued else "below 0"

    @property
    def _unit(self) -> str:
        return "AUC" if self.two_valued else self.unit or self.name

    @property
    def _mae(self) -> list[str]:
        return ["MAE", *filter(None, [self.unit])]

    # ---- tables of losses as they are shown

    @property
    def higher_is_better(self) -> bool:
        return self.two_valued

    def shown(self, losses: pd.DataFrame, value: str = "age_mae_years") -> pd.DataFrame:
        """Return a table of losses as what is shown: an AUC instead of 1 − AUC, its interval turned over.

        Parameters
        ----------
        losses : pandas.DataFrame
            With the column ``value`` and, where there are intervals, those of :data:`BOUNDS`.
        value : str
            The loss; or ``difference_years``, of which the sign alone changes.
        """
        if not self.higher_is_better:
            return losses
        whole = 0.0 if value == "difference_years" else 1.0
        turned = {value: whole - losses[value]}
        for low, high in BOUNDS:
            if low in losses:
                turned |= {low: whole - losses[high], high: whole - losses[low]}
        if whole:  # an AUC lies between 0 and 1, and so do its bounds
            turned = {name: column.astype(float).clip(0.0, 1.0) for name, column in turned.items()}
        return losses.assign(**turned)

    def best_first(self, table: pd.DataFrame, value: str = "age_mae_years") -> pd.DataFrame:
        """Return the rows of a table that is shown, the best first, numbered anew."""
        return table.sort_values(value, ascending=not self.higher_is_better, ignore_index=True)

    def named(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table that is handed on: its columns named for this outcome instead of for age."""
        if self.is_age:
            return table
        names = _AUC_NAMES if self.two_valued else {}
        return table.rename(
            columns={
                old: names.get(old, new) for old, new in _GENERAL_NAMES.items() if old in table
            }
        )


AGE = Outcome()
#: Columns that bound an interval.
BOUNDS = (
    ("ci_low", "ci_high"),
    ("ci90_low", "ci90_high"),
    ("low", "high"),
    ("boot_low", "boot_high"),
)
#: Names of columns, which are those of age in the code, in what is handed on for other outcomes.
_GENERAL_NAMES = {
    "age_mae_years": "mae",
    "mean_error_years": "mean_error",
    "corrected_mae_years": "corrected_mae",
    "corrected_mean_error_years": "corrected_mean_error",
    "seed_sd_years": "seed_sd",
    "difference_years": "difference",
    "detectable_years": "detectable",
    "margin_years": "margin",
    "years_lost": "lost",
    "age_mae_years_without": "mae_without",
    "difference_years_without": "difference_without",
    "error_years": "error",
    "predicted_age_years": "predicted",
    "age_gap_years": "gap",
    "corrected_gap_years": "corrected_gap",
}
_AUC_NAMES = {
    "age_mae_years": "auc",
    "difference_years": "auc_difference",
    "detectable_years": "detectable_auc_difference",
    "margin_years": "auc_margin",
    "years_lost": "auc_lost",
    "age_mae_years_without": "auc_without",
    "difference_years_without": "auc_difference_without",
}


def _marked(text: str) -> str:
    """Return a text for a plot, which reads markup and fills in what stands after a per cent sign."""
    return html.escape(text, quote=False).replace("%", "&#37;")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
