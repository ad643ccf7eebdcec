"""Convert the columns of a table, or arrays, to the arrays that estimates are computed from."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.trials import BoolArray, Codes, FloatArray

Column = str | ArrayLike  # the name of a column of `data`, or n values


class DataError(ValueError):
    """Data that an estimate cannot be computed from; the message says where, what, what to do."""


class Table(Protocol):
    """A table of columns by name: a dict of arrays, a data frame, a NumPy structured array."""

    def __getitem__(self, name: str, /) -> Any: ...


def read_columns(data: Table | None, **columns: Column) -> dict[str, NDArray[Any]]:
    """Return every column as an array (n,), under the name of the argument.

    Raises DataError if a column is unknown, empty, incomplete, or longer than another.
    """
    arrays = {name: _read_column(data, name, column) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"the columns differ in length ({listed}); give one value per row in each")
    for name, array in arrays.items():
        _refuse_missing(name, array)
    return arrays


def _read_column(data: Table | None, argument: str, column: Column) -> NDArray[Any]:
    if not isinstance(column, str):
        array = _to_array(column)
    elif data is None:
        raise DataError(f"{argument} is the name {column!r}; pass the table of columns as data=")
    else:
        try:
            array = _to_array(data[column])
        except (LookupError, ValueError) as error:
            raise DataError(f"{argument}: data has no column {column!r}; check the name") from error
    if array.ndim != 1 or not len(array):
        raise DataError(f"{argument} has the shape {array.shape}; give at least one value in a row")
    return array


def _to_array(values: Any) -> NDArray[Any]:
    """Return values as an array, in which None stands for masked ones."""
    if not np.ma.is_masked(values):
        return np.asarray(values)
    array = np.array(values, dtype=object)
    array[np.ma.getmaskarray(values)] = None
    return array


def _refuse_missing(name: str, array: NDArray[Any]) -> None:
    missing = _find_missing(array)
    if missing.any():
        raise DataError(f"{name}: row {int(np.argmax(missing))} has no value; leave such rows out")


def _find_missing(array: NDArray[Any]) -> BoolArray:
    """Return whether each value (n,) is None, NaN, NaT or pandas.NA."""
    if array.dtype.kind == "O":
        return np.array([_is_missing(value) for value in array])
    missing: BoolArray = array != array
    return missing


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA != pandas.NA is neither true nor false
        return True


def encode(values: NDArray[Any]) -> tuple[list[str], Codes]:
    """Return the distinct values as texts, in order, and the code (n,) of each row's value."""
    comparable = values.astype(np.str_) if values.dtype.kind == "O" else values
    distinct, codes = np.unique(comparable, return_inverse=True)
    return [str(value) for value in distinct.tolist()], codes.astype(np.int64)


def encode_people(values: NDArray[Any], name: str) -> Codes:
    """Return codes (n,) of the participants. Raises DataError if there is only one."""
    people, codes = encode(values)
    if len(people) == 1:
        raise DataError(f"{name} is {people[0]!r} in every row; an interval needs at least two")
    return codes


def to_booleans(values: NDArray[Any], name: str) -> BoolArray:
    """Return true and false, or 1 and 0, as booleans (n,). Raises DataError for other values."""
    is_known = np.isin(values, (False, True))
    if not is_known.all():
        row = int(np.argmin(is_known))
        raise DataError(
            f"{name}: row {row} is {values.tolist()[row]!r}; expected true or false, or 1 or 0"
        )
    return values.astype(np.bool_)


def to_numbers(values: NDArray[Any], name: str) -> FloatArray:
    """Return finite numbers (n,). Raises DataError for other values."""
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds {_find_text(values)!r}; expected numbers") from error
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise DataError(f"{name}: row {row} is {numbers[row]}; expected a finite number")
    return numbers


def _find_text(values: NDArray[Any]) -> object:
    """Return the first value that is not a number."""
    for value in values.tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return values.tolist()[0]


def check_variation(values: NDArray[Any], name: str) -> None:
    """Raise DataError if all values are the same."""
    if (values == values[0]).all():
        raise DataError(
            f"{name} is {values[0]} in every row; without variation there is no interval"
        )


def check_scale(values: FloatArray, scale: tuple[float, float] | None, name: str) -> None:
    """Raise DataError unless all values lie on the scale, given as its lowest and highest value."""
    if scale is None:
        return
    low, high = scale
    if not low < high:
        raise DataError(f"scale is {scale}; give the lowest score, then the highest")
    is_on_scale = (low <= values) & (values <= high)
    if not is_on_scale.all():
        row = int(np.argmin(is_on_scale))
        raise DataError(f"{name}: row {row} is {values[row]:g}; the scale is {low:g} to {high:g}")


def check_trials(trial: Codes, method: Codes, participant: Codes, image: Codes) -> None:
    """Raise DataError unless every trial has one participant, one image and different methods."""
    _, first, trial_of_row = np.unique(trial, return_index=True, return_inverse=True)
    for name, codes in (("participant", participant), ("image", image)):
        if (codes != codes[first][trial_of_row]).any():
            raise DataError(f"{name} differs within a trial; give each trial its own number")
    if len(np.unique(trial * (int(method.max()) + 1) + method)) < len(trial):
        raise DataError("a method occurs twice in one trial; give each trial its own number")


def check_methods(methods: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise DataError unless the wanted methods are there, and different."""
    if len(set(wanted)) < len(wanted):
        raise DataError(f"a and b are both {wanted[0]!r}; name two methods")
    for method in wanted:
        if method not in methods:
            raise DataError(f"there is no method {method!r}; the methods are {', '.join(methods)}")
