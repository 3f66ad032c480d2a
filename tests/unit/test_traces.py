"""What a log may know of a defect: where and of what kind, and nothing that was said."""

from telecom_crm.domain.traces import trace_of

SAID = "Асанова Айгүл"


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as one:
        return one


def test_it_tells_the_places_and_the_kinds_of_an_error_and_its_causes_without_their_words():
    told = trace_of(raised(RuntimeError(SAID), raised(LookupError(SAID))))
    assert told.index("LookupError") < told.index("RuntimeError")
    assert told.count("in raised") == 2
    assert SAID not in told


def test_what_an_error_came_amid_is_told_unless_it_was_hidden():
    def fail(*, hidden: bool) -> str:
        try:
            try:
                raise LookupError(SAID)
            except LookupError:
                if hidden:
                    raise RuntimeError(SAID) from None
                raise RuntimeError(SAID)  # noqa: B904  # what it came amid is what is tested
        except RuntimeError as error:
            return trace_of(error)

    assert "LookupError" in fail(hidden=False)
    assert "LookupError" not in fail(hidden=True)
