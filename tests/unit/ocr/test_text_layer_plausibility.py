# ruff: noqa: RUF001 - letters of many alphabets, some of them alike, are what is judged here
import pytest

from supervisor.ocr.documents.plausibility import is_plausible

# The first article of the Universal Declaration of Human Rights.
ARTICLES = {
    "English": "All human beings are born free and equal in dignity and rights. They are endowed with reason and "
    "conscience and should act towards one another in a spirit of brotherhood.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
    "begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "Finnish": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki "
    "ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
    "Welsh": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â rheswm a "
    "chydwybod, a dylai pawb ymddwyn y naill at y llall mewn ysbryd cymodlon.",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người đều được "
    "tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
    "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и "
    "совестью и должны поступать в отношении друг друга в духе братства.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι "
    "με λογική και συνείδηση.",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا "
    "وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "a table": "2021 1,204.50 1,198.20 0.5 % 2022 1,310.00 1,287.40 1.8 % 2023 1,402.75 1,399.10 0.3 %",
    "a program": "def is_kept(words: list[str]) -> bool: text = ''.join(words); names = FIND.findall(text); return "
    "len(names) <= MAX * len(text) for index in range(10): print(index, file=sys.stderr)",
    "contents": "Introduction ................................................ 1 Method ...................... 12",
    "a word": "Copyright",
}


@pytest.mark.parametrize("name", ARTICLES)
def test_text_is_believed(name: str) -> None:
    assert is_plausible(ARTICLES[name].split())


def moved(text: str, places: int) -> str:
    return "".join(character if character == " " else chr(ord(character) + places) for character in text)


@pytest.mark.parametrize("language", ["English", "German", "Polish"])
@pytest.mark.parametrize("places", [-31, -29, -3, 1, 3, 31])
def test_letters_of_moved_codes_are_not(language: str, places: int) -> None:
    assert not is_plausible(moved(ARTICLES[language], places).split())


@pytest.mark.parametrize(
    "text",
    [
        "(cid:12)(cid:44)(cid:9) (cid:88)",
        "\ufffd\ufffd\ufffd \ufffd\ufffd ab",
        "-- .. // ##",
        "\ue001\ue002\ue003 \ue004 word",
        # "Pure Black" as UTF-16 with its halves exchanged.
        "倀甀爀攀 䈀氀愀挀欀",
        # Half of the letters came from the table of another alphabet.
        "Тhе quіск brоwn fоx jumрs оvеr thе lаzу dоg аnd runs аwау frоm hеrе",
    ],
)
def test_other_nonsense_is_not(text: str) -> None:
    assert not is_plausible(text.split())
