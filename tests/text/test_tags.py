"""Tags of markup: taken out of a sentence, each with its place."""

import pytest

from seqcore.tasks.translation.source import split_marked
from seqcore.text.tags import TAG, hide_tags, matching, show_tags, take_tags, without_tags


@pytest.mark.parametrize(
    "tag",
    [
        "<b>",
        "</b>",
        "<br/>",
        "<br />",
        '<a href="x. y > z">',
        "<input disabled>",
        "<x id='1'/>",
        "<!-- a -->",
        "<h1 class=big>",
        "&lt;b&gt;",
        "&lt;/b&gt;",
        "&lt;a href=&quot;x&quot;&gt;",
    ],
)
def test_a_tag_is_taken_out_and_put_back(tag: str) -> None:
    hidden, tags = hide_tags(f"a {tag} dog")
    assert (hidden, tags) == (f"a {TAG} dog", [tag])
    assert show_tags(hidden, tags) == f"a {tag} dog"


@pytest.mark.parametrize(
    "text", ["a < b", "a <b and c> d", "1<2>3", "<3", "<>", "<me@x.org>", "< b >", "a &lt; b &gt; c"]
)
def test_other_angle_brackets_are_no_tags(text: str) -> None:
    assert hide_tags(text) == (text, [])


def test_words_are_neither_joined_nor_torn() -> None:
    assert without_tags("un<b>believ</b>able") == "unbelievable"
    assert without_tags("one<br/>two <i> three </i> four") == "one two three four"
    bare, tags = take_tags(*hide_tags("Hello <b>my friend</b>, <br/> you"))
    assert bare == "Hello my friend, you"
    assert [(tag.name, bare[: tag.place]) for tag in tags] == [
        ("b", "Hello"), ("b", "Hello my friend"), ("br", "Hello my friend,")
    ]  # fmt: skip


def test_tags_are_matched_where_elements_do_not_overlap() -> None:
    def pairs(text: str) -> object:
        return matching(take_tags(*hide_tags(text))[1])

    assert pairs("<b>a <i>b</i></b> <br> c") == {0: 3, 1: 2}
    assert pairs("a</b> <i>c</i> <b>d") == {1: 2}
    assert pairs("<b>a <i>b</b> c</i>") is None
    assert pairs("<b>" * 5000 + "a" + "</b>" * 5000) is None


def test_sentences_end_where_they_would_without_tags() -> None:
    for text, pieces in (
        ("<p>Look. <b>A dog</b> runs.</p>", ["<p>", "Look.", " ", "<b>A dog</b> runs.", "</p>"]),
        ("<b>Go. On.</b> Now!<br>Yes.", ["", "<b>Go.", " ", "On.</b>", " ", "Now!", "<br>", "Yes.", ""]),
        ('See <a title="A. B">it. So</a>', ["", 'See <a title="A. B">it.', " ", "So</a>", ""]),
        ("Use {{ a. B }} and `x. Y`. Now.", ["", "Use {{ a. B }} and `x. Y`.", " ", "Now.", ""]),
        ("Run ./a.sh now. Go.", ["", "Run ./a.sh now.", " ", "Go.", ""]),
        ("<b></b>", ["<b></b>"]),
    ):
        assert split_marked(text, "en") == pieces


def test_tags_written_as_text_end_one_another() -> None:
    tags = take_tags(*hide_tags("a &lt;b&gt;big&lt;br/&gt;&lt;/b&gt; dog"))[1]
    assert matching(tags) == {0: 2}
