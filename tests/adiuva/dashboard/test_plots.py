"""How plots are drawn: pure."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from adiuva.dashboard.figures import Card, Figure, Row, Series, euros, format_count, short
from adiuva.dashboard.plots import HEIGHT, ceiling, draw

SERIES = (Series(name="In", tone="a"), Series(name="Noted"), Series(name="Out", tone="d", below=True))
AMOUNTS = st.integers(min_value=0, max_value=10**13)


def a_card(rows: Sequence[tuple[int, ...]], *, kind: str = "columns") -> Card:
    def figure(value: int) -> Figure:
        return Figure(value=value, text=format_count(value), href="/admin/", rows=value)

    return Card(
        slug="plot",
        title="A plot",
        about="",
        kind=kind,  # type: ignore[arg-type]
        heads=(),
        label="Day",
        series=SERIES,
        rows=tuple(Row(label=str(n), figures=tuple(map(figure, row))) for n, row in enumerate(rows)),
        empty="Nothing.",
    )


@given(st.integers(min_value=0, max_value=10**15))
def test_an_axis_ends_at_a_round_number_that_is_not_far_off(most: int) -> None:
    end = ceiling(most)
    assert max(most, 1) <= end <= max(2 * most, 1)
    assert len(str(end).rstrip("0")) == 1


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=40))
def test_every_column_stays_inside_the_plot_and_stands_on_its_line(rows: list[tuple[int, ...]]) -> None:
    drawing = draw(a_card(rows))
    zero = float(drawing.zero)
    assert 0 < zero <= HEIGHT
    for mark in drawing.marks:
        x, y, width, height = (float(one) for one in (mark.x, mark.y, mark.width, mark.height))
        assert x >= 0
        assert x + width <= 100.1
        assert y >= 0
        assert y + height <= HEIGHT
        if mark.tone == "a":
            assert abs(y + height - zero) < 0.1
        if mark.tone == "d":
            assert abs(y - zero) < 0.1
    tones = [mark.tone for mark in drawing.marks]
    assert tones.count("hit") == len(rows)  # one can point at a day of nothing
    assert tones.count("a") == sum(row[0] > 0 for row in rows)
    assert drawing.is_empty == (not any(row[0] or row[2] for row in rows))


def test_bars_are_as_long_as_their_share_of_the_longest() -> None:
    drawing = draw(a_card([(50, 1, 0), (200, 1, 0), (0, 1, 0)], kind="bars"))
    assert [mark.width for mark in drawing.marks if mark.tone == "a"] == ["25", "100"]
    assert [label.text for label in drawing.labels] == ["50", "200", "0"]


def test_the_highest_and_the_last_column_have_their_number_on_top_where_both_have_room() -> None:
    assert [one.text for one in draw(a_card([(9, 0, 0)] + [(1, 0, 0)] * 9)).labels] == ["9", "1"]
    assert [one.text for one in draw(a_card([(1, 0, 0)] * 8 + [(9, 0, 0), (5, 0, 0)])).labels] == ["9"]
    assert draw(a_card([(0, 0, 0)] * 3)).labels == []


def test_numbers_are_written_as_people_read_them() -> None:
    assert [short(one) for one in (0, 7, 950, 1000, 1250, 64_000, 1_000_000, 2_500_000_000)] == [
        *("0", "7", "950", "1k", "1.2k", "64k", "1M", "2.5B")
    ]
    assert [euros(one) for one in (0, 5, 123_405, -250)] == ["€0.00", "€0.05", "€1,234.05", "-€2.50"]
    assert format_count(1_234_567) == "1,234,567"
