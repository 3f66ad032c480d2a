import re

from telecom_crm.entrypoints.http.web import charts
from telecom_crm.entrypoints.http.web.i18n import tongue


def heights(picture):
    """Return the heights of a line's points, and of the axis' names, from above."""
    line = re.search(r'class="line" d="M([^"]+)"', picture)
    assert line
    points = [float(point.split()[1]) for point in line[1].split("L")]
    names = re.findall(r'y="([\d.]+)" text-anchor="end">([^<]+)<', picture)
    return points, {name: float(y) - 4 for y, name in names}


def test_an_axis_begins_at_zero_and_its_names_are_where_the_values_are():
    points, names = heights(charts.area("t", ["a", "b"], [0, 20], write=lambda v: f"{v:g}"))
    assert list(names) == ["0", "5", "10", "15", "20"]
    assert points == [names["0"], names["20"]]


def test_what_is_below_zero_is_on_the_picture_too():
    picture = charts.area("t", ["a", "b"], [-10, 10], write=lambda v: f"{v:g}")
    points, names = heights(picture)
    assert points == [names["-10"], names["10"]]
    assert names["10"] < names["0"] < names["-10"] <= charts.WIDE[1]
    points, names = heights(charts.area("t", ["a", "b"], [-10, -5], write=lambda v: f"{v:g}"))
    assert points == [names["-10"], names["-5"]]
    assert "0" in names


def test_nothing_is_drawn_on_the_floor():
    points, names = heights(charts.area("t", ["a", "b"], [0, 0], write=lambda v: f"{v:g}"))
    assert set(points) == {names["0"]}


def test_large_figures_are_written_short():
    said = [tongue(code).short(120_000) for code in ("en", "ru", "ky")]
    assert said == ["120k", "120\xa0тыс.", "120\xa0миң"]
    assert tongue("en").short(-1500) == "\N{MINUS SIGN}1.5k"
    assert tongue("en").percent(0.107, signed=True) == "+10.7%"


def test_each_point_has_its_words_where_it_is_pointed_at():
    tips = ["1 November: 10", "2 November: 20", "3 November: <b>"]
    for draw in (charts.area, charts.bars):
        picture = draw("t", ["1", "2", "3"], [10, 20, 5], tips=tips)
        told = re.findall(r'<rect class="hit"[^>]*/><text class="tip"[^>]*>([^<]+)</text>', picture)
        assert told == ["1 November: 10", "2 November: 20", "3 November: &lt;b&gt;"]
        assert 'role="img" tabindex="0"' in picture
        places = [float(x) for x in re.findall(r'class="tip" x="(\d+)"', picture)]
        assert min(places) >= 150, "beside the names of the axis"
        assert max(places) <= charts.WIDE[0] - 100
    assert "tabindex" not in charts.area("t", ["1"], [10])


def test_hours_are_written_as_people_say_them():
    said = [tongue(code).hours(8 * 3600) for code in ("en", "ru", "ky")]
    assert said == ["8 hrs", "8 ч", "8 саат"]
    assert tongue("ky").hours(3900) == "1 саат\xa05 мүнөт"
