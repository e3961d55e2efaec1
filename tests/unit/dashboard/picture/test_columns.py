from rich.text import Text

from supervisor.dashboard.picture.columns import Cell, Column, Grid

COLUMNS = [
    Column("title", 8, grows=3, widest=20),
    Column("state", 9),
    Column("runs", 5, is_right=True, from_columns=60),
    Column("bar", 4, grows=1, widest=10),
]


def test_every_line_has_its_columns_where_the_heading_has_them() -> None:
    grid = Grid(COLUMNS, 60)
    bar = Text("━" * grid.widths["bar"])
    lines = [
        grid.heading(),
        grid.line(
            {"title": Cell("漢字の手紙と地図と写真と"), "state": Cell("running"), "runs": Cell("3/6"), "bar": bar}
        ),
        grid.line({"title": Cell("x"), "runs": Cell("1,204/99"), "bar": bar}),
    ]
    assert [line.plain for line in lines] == [
        "title                 state       runs  bar",
        "漢字の手紙と地図と…   running      3/6  ━━━━━━━━━━",
        "x                                1,20…  ━━━━━━━━━━",
    ]


def test_columns_share_the_room_that_is_left_and_go_where_there_is_none() -> None:
    assert Grid(COLUMNS, 40).widths == {"title": 19, "state": 9, "bar": 8}
    assert Grid(COLUMNS, 200).widths == {"title": 20, "state": 9, "runs": 5, "bar": 10}


def test_what_differs_at_its_end_keeps_it() -> None:
    line = Grid([Column("worker", 8)], 8).line({"worker": Cell("desk-4711-1", keeps_end=True)})
    assert line.plain == "…-4711-1"
