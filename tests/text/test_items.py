"""What is copied is copied whole, and looking for it takes no text long."""

import pytest

from seqcore.text.entities import PLACEHOLDER, mask_entities, unmask_entities, without_copies

WHOLE = r"""5km|10 kg|3pm|2nd|30years|12b|+49 30 1234567|(030) 123-45|1.000,50 €|3,000.50|1 000 000|$5|US$ 5|5 EUR|€5/kg
50%|50 %|-5°C|20 °C|3×4|10 x 20|1 + 1 = 2|18+|5'10"|1½|½|10 m²|m²|H₂O|5–10 km|100km/h|2026-11-19T10:30:00Z|9:30
2026-11-19|%1$s|%d|%.2f|%@|%(name)s|%PATH%|{name}|{0}|{ name }|{{count}}|{{ user.name }}|${VAR}|$HOME|&nbsp;|&#39;
[[link]]|C:\Users\me|C:\Program Files (x86)\App\a.exe|\\server\share|/usr/bin/x|~/a.txt|../x|src/main/app.py
report_v2.pdf|a.tar.gz|https://a.org/b?c=1|https://en.wikipedia.org/wiki/A_(b)|www.a.org|example.com/path|me@example.org
<me@x.org>|mailto:me@x.org|@tom|@angular/core|#snow|#हिन्दी|v1.2.3|1.2.3-beta|192.168.0.1|A4|COVID-19|3fa85f64-5717-4562-b3fc-2c963f66afa6|deadbeef12
snake_case|__a_b__|camelCase()|getUserName|foo()|foo.bar(1)|os.path.join|`x y`|--force|iPhone|:smile:
:)|->|AT&T|1️⃣|❤️|👩‍🚀|™|№5|§ 5|1990s|٣|३|١٬٠٠٠٫٥٠
a < b|\n\n|\textbf|x=5|==|***|東京|привет"""


@pytest.mark.parametrize("item", WHOLE.replace("\n", "|").split("|"))
def test_an_item_is_taken_out_whole(item: str) -> None:
    for before, after in (
        ("a dog ", " runs"),
        ("", " and a dog"),
        ("A dog has ", "."),
        ("dogs (", ") run"),
        ("go: ", ", but"),
    ):
        masked, items = mask_entities(before + item + after)
        if (item == ":)" and after[:1] != " ") or (item == "--force" and before[-1:] == "("):
            continue  # They stand alone.
        assert (masked, items) == (before + PLACEHOLDER + after, (item,))


@pytest.mark.parametrize(
    "text",
    [
        "no-one's here…", "and/or he/she", "e.g. this, i.e. that.", "McDonald's", "Tom & Jerry", "Mr.Smith",
        "a 'b' \"c\"", "Flugbegleiter_innen", "word - word – word — word", "Ein 'm' und ein 'l'.", "What?! No..."
    ],
)  # fmt: skip
def test_ordinary_words_are_no_items(text: str) -> None:
    assert mask_entities(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Am 3. Mai regnet es.", ("3",)),
        ("a 20-year-old and a 16-jähriger", ("20", "16")),
        ("Two men at 9:30.", ("9:30",)),
        ("At 9 am or 9 p.m. he eats 5 apples, 2 l'eau", ("9", "9", "5", "2")),
        ("don't, 5 A day", ("5",)),
        ("5km %1$s 5 %d 5 $HOME 5 ${VAR} 50%ige", ("5km", "%1$s", "5", "%d", "5", "$HOME", "5", "${VAR}", "50")),
    ],
)
def test_numbers_among_words_are_what_they_were(text: str, items: tuple[str, ...]) -> None:
    assert mask_entities(text)[1] == items


def test_line_breaks_as_code_writes_them_part_words() -> None:
    assert mask_entities(r"One line.\nA dog\r\nruns, \textbf{not} 5")[1] == (r"\n", r"\r\n", r"\textbf", "{not}", "5")


def test_words_of_the_models_own_scripts_are_no_items() -> None:
    assert mask_entities("Кошка съела 5 рыб.", ("cyrillic", "latin"))[1] == ("5",)
    assert mask_entities("我有5只猫，见https://a.org。", ("han",))[1] == ("5", "https://a.org")
    assert mask_entities("मेरी ५ बिल्लियाँ हैं।", ("devanagari",))[1] == ("५",)
    assert mask_entities("می\u200cخواهم ٣ كتب؟", ("arabic",))[1] == ("٣",)
    assert mask_entities("고양이 5마리가 iPhone을 본다.", ("hangul",))[1] == ("5", "iPhone")
    assert mask_entities("แมว 5 ตัว", ("thai",))[1] == ("5",)
    assert mask_entities("Ο γάτος Tom", ("greek",))[1] == ("Tom",)
    assert mask_entities("ねこはトムです", ("kana", "han")) == ("ねこはトムです", ())
    for text, script in (
        ("Բարև ձեզ։", "armenian"),
        ("გამარჯობა", "georgian"),
        ("ሰላም ነው።", "ethiopic"),
        ("שָׁלוֹם", "hebrew"),
    ):
        assert mask_entities(text, (script,)) == (text, ())
        assert mask_entities(text, ("latin",))[0].strip("։።") == PLACEHOLDER


def test_no_item_is_written_twice_or_joined_to_a_word() -> None:
    assert without_copies(f"Er hat 5 Hunde um{PLACEHOLDER}.", ["5"]) == f"Er hat Hunde um {PLACEHOLDER}."
    assert without_copies(f"{PLACEHOLDER}只猫", ["5"], ("han",)) == f"{PLACEHOLDER}只猫"
    assert without_copies("5 Hunde", []) == "5 Hunde"


RUNS = [
    "1",
    "1.",
    "1 ",
    "a.",
    "a-",
    "a_",
    "a/",
    "a@",
    "a@b.",
    "@a",
    "%d",
    "%",
    "$5",
    "{{",
    "{a",
    "<a ",
    '<a b="',
    "<!--",
    "`",
]
RUNS += [
    "https://a(",
    "www.",
    "~/",
    "C:\\a ",
    "1 111",
    "a=",
    "1x",
    "x1",
    "&a",
    "+1 ",
    "(030) ",
    "--a-",
    "中1",
    "1\ufe0f",
    "m²",
]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("end", ["", "!"])
def test_a_run_of_a_hundred_thousand_characters_is_searched_once(run: str, end: str) -> None:
    text = run * (100_000 // len(run)) + end
    assert unmask_entities(*mask_entities(text)) == text
